"""What the pages tell their readers to type runs, ends and answers as they say."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, Command, WrittenFile, runnable, start, steps
from tests.flows.conftest import Sample

PAGES = {page.relative_to(DOCS).as_posix(): page for page in runnable()}


def follow(page: Path, folder: Path) -> list[str]:
    """Does what a page says, in its order; what went otherwise than it says."""
    environment: dict[str, str] = {}
    return [fault for step in steps(page) if (fault := step.follow(folder, environment)) is not None]


def test_every_chapter_of_a_month_has_commands_that_are_run() -> None:
    expected = {
        "sample.md", "first-month.md", "home.md", "runbook.md", "corrections.md", "backups.md", "security.md",
        "sources.md", "decks.md", "prices.md", "taxes.md",
    }  # fmt: skip
    assert set(PAGES) >= expected
    assert sum(isinstance(step, Command) for page in PAGES.values() for step in steps(page)) > 60


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page: str, sample: Sample, tmp_path: Path) -> None:
    if name := start(PAGES[page]):
        shutil.copytree(sample(name).root, tmp_path / "demo")
    faults = follow(PAGES[page], tmp_path)
    assert not faults, "\n".join(faults)


def _page(tmp_path: Path, text: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("$ tollbook schema nothing", "exit 2"),
        ("$ tollbook schema calls\n[exit 5]", "exit 0"),
        ("$ tollbook schema calls\nno_such_column", "not seen: ['no_such_column']"),
        ("$ false", "exit 1"),
    ],
)
def test_a_page_that_says_what_is_not_so_is_seen(tmp_path: Path, block: str, says: str) -> None:
    page = _page(tmp_path, f"# A page\n\n```console\n{block}\n```\n")
    (fault,) = follow(page, tmp_path)
    assert says in fault


def test_files_are_written_and_added_to_before_the_commands_behind_them(tmp_path: Path) -> None:
    page = _page(
        tmp_path,
        '```csv title="a/b.csv"\nx\n```\n```csv title="a/b.csv (at its end)"\ny\n```\n```console\n$ export A=b\n'
        "$ cat a/b.csv\nx\n…\n```\n```toml\nz = 1\n```\n",
    )
    first, second, *typed = steps(page)
    assert (first, second) == (WrittenFile(1, "a/b.csv", "x\n", False), WrittenFile(4, "a/b.csv", "y\n", True))
    assert [step.words for step in typed if isinstance(step, Command)] == ["export A=b", "cat a/b.csv"]
    assert follow(page, tmp_path) == []
    assert (tmp_path / "a" / "b.csv").read_text(encoding="utf-8") == "x\ny\n"
