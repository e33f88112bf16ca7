"""The pages that the program writes are as it would write them now, and hold every key, column, command and option."""

import json
from typing import Any

import pytest

from docs.make_pages import FOLDER, pages
from flows.cli.examples import EXAMPLES, commands_of
from flows.cli.main import make_app
from schemas.feeds import FEEDS
from tests.forked import tollbook

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_what_is_written(name: str) -> None:
    told = "docs/reference is older than the program: python -m docs.make_pages"
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], told


def test_no_page_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize(("schema", "page"), [("settings", "settings.md"), ("catalog", "catalogue.md")])
def test_every_key_that_the_command_prints_stands_there_with_description_and_example(schema: str, page: str) -> None:
    printed: dict[str, Any] = json.loads(tollbook("schema", schema).stdout)
    rows = [line for line in PAGES[page].splitlines() if line.startswith(("| `", "| [`"))]
    keys = [(key, said) for table in printed["$defs"].values() for key, said in table.get("properties", {}).items()]
    assert len(rows) == len(keys) > 60
    for key, said in keys:
        words = said["description"].replace("`", "").split()
        mine = [row for row in rows if f"`{key}`" in row.split("|")[1]]
        assert any(_plain(" ".join(words[1:])) in _plain(row) for row in mine), key
        assert any(f"<br>`{key}" in row for row in mine), key


def _plain(text: str) -> str:
    for sign, meant in (("`", ""), ("\\", ""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(sign, meant)
    return text


def test_every_column_of_every_feed_stands_there() -> None:
    for feed in FEEDS.values():
        mine = PAGES["feeds.md"].split(f"{{ #{feed.name} }}")[1].split("\n## ")[0]
        assert [column.name for column in feed.columns if f"| `{column.name}`" not in mine] == []


def test_every_command_stands_there_with_its_example() -> None:
    for words, _ in commands_of(make_app()):
        mine = PAGES["commands.md"].split(f"## `{words}` {{")[1].split("\n## ")[0]
        assert EXAMPLES[words] in mine
