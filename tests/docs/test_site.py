"""The site builds without a complaint, every link and anchor leads somewhere, and reading it fetches nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that make a browser fetch something, and where it stands."""


class _Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    # No proxy of this name answers: whatever asks the web fails.
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    ended = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def _pages(site: Path) -> Iterator[tuple[Path, list[tuple[str, dict[str, str | None]]]]]:
    for path in sorted(site.rglob("*.html")):
        yield path, _Elements(path.read_text(encoding="utf-8")).found


def test_every_page_of_docs_is_a_page_of_the_site(site: Path) -> None:
    built = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {"index.html", "runbook.html", "codes.html", "systems/families/asterisk.html", "glossary.html"} <= built
    assert len(built) > 40
    assert not list(site.rglob("*.py"))


def test_every_link_inside_leads_to_a_page_and_an_anchor(site: Path) -> None:
    pages = dict(_pages(site))
    anchors = {
        path: {value for _, said in elements for name in ("id", "name") if (value := said.get(name))}
        for path, elements in pages.items()
    }
    dead = []
    for path, elements in pages.items():
        if path.name == "404.html":  # served from anywhere, so its links begin at the root
            continue
        for tag, said in elements:
            target = said.get("href") or ""
            if tag != "a" or re.match(r"[a-z]+:|/", target):
                continue
            name, _, anchor = target.partition("#")
            there = (path.parent / name).resolve() if name else path
            if there.suffix != ".html" and there.is_file() and not anchor:
                continue  # a file that is offered as it is, such as a query
            if there not in pages or (anchor and anchor not in anchors[there]):
                dead.append(f"{path.relative_to(site)}: {target}")
    assert dead == []


def test_reading_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = [
        f"{path.name}: <{tag}> {said.get(LOADS[tag])}"
        for path, elements in _pages(site)
        for tag, said in elements
        if tag in LOADS and said.get("rel") != "canonical" and re.match(r"(https?:)?//", said.get(LOADS[tag]) or "")
    ]
    assert fetched == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name
