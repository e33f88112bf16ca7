"""The annotated SQL beside this file, read as data: blocks by name, and every view with its comments.

views.sql, views_history.sql and the feeds (flows/books/master.py) are the only sources of the snapshot's views and
comments; a column without a comment is refused here.
"""

import re
from functools import cache
from pathlib import Path

from flows.books.master import history_views
from flows.books.view import View

__all__ = ["View", "blocks", "views"]

_HERE = Path(__file__).parent
_FILES = ("views.sql", "views_history.sql")
_COLUMN = re.compile(r"^\s+(?:(?:(?! -- ).)+ as )?(?P<name>\w+),? -- (?P<comment>.+)$")
_VIEW = re.compile(r"^create view (?P<name>\w+) as select$")


@cache
def blocks(file: Path) -> dict[str, str]:
    """The statements of an .sql file, by the `-- name:` line above each, in order."""
    pieces = re.split(r"^-- name: (\w+)\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], (_statement(part) for part in pieces[2::2]), strict=True))


def _statement(block: str) -> str:
    """The block up to its semicolon; what follows is the next block's comment."""
    return block[: block.rindex(";")]


@cache
def views() -> dict[str, View]:
    """Every view of the snapshot by name: those of the files in their order, then master data. A column without a
    comment is a defect."""
    paragraphs = [
        paragraph
        for name in _FILES
        for paragraph in (_HERE / name).read_text(encoding="utf-8").split("\n\n")
        if "\ncreate view " in paragraph
    ]
    parsed = [*(_view(paragraph.splitlines()) for paragraph in paragraphs), *history_views()]
    return {view.name: view for view in parsed}


def _view(lines: list[str]) -> View:
    """One paragraph: comment lines, `create view`, a line per column, and from `from` on what they are taken from."""
    comment = " ".join(line[3:] for line in lines if line.startswith("-- "))
    first, *rest = [line for line in lines if not line.startswith("-- ")]
    source = next(number for number, line in enumerate(rest) if line.startswith("from "))
    opening = _VIEW.match(first)
    matches = [_COLUMN.match(line) for line in rest[:source]]
    assert opening is not None, f"views.sql: {first}"
    assert comment, f"views.sql: {first}: the view carries no comment"
    assert all(matches), f"views.sql: a column of {opening['name']} carries no comment"
    texts = {match["name"]: match["comment"] for match in matches if match is not None}
    sql = "\n".join([first, *rest]).strip().removesuffix(";")
    return View(opening["name"], comment, texts, sql)
