"""The annotated SQL beside this file, read as data: blocks by name, and every view with its comments.

views.sql is the only source of the snapshot's views and comments; a column without a comment is refused here.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_COLUMN = re.compile(r"^\s+(?P<name>\w+),? -- (?P<comment>.+)$")
_VIEW = re.compile(r"^create view (?P<name>\w+) as select$")


@dataclass(frozen=True)
class View:
    """A view of the snapshot: its comment, its columns with theirs, and the SQL that makes it."""

    name: str
    comment: str
    columns: dict[str, str]
    sql: str

    def statements(self) -> list[str]:
        """The view and its comments, to run inside the snapshot's schema main."""
        comments = [f"comment on view {self.name} is {_quoted(self.comment)}"]
        comments += [
            f"comment on column {self.name}.{column} is {_quoted(text)}" for column, text in self.columns.items()
        ]
        return [self.sql, *comments]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
    """Every view of the snapshot by name, in the order of the file. A column without a comment is a defect."""
    text = (_HERE / "views.sql").read_text(encoding="utf-8")
    parsed = (_view(paragraph.splitlines()) for paragraph in text.split("\n\n") if "\ncreate view " in paragraph)
    return {view.name: view for view in parsed}


def _view(lines: list[str]) -> View:
    """One paragraph: comment lines, `create view`, a line per column, `from`."""
    comment = " ".join(line[3:] for line in lines if line.startswith("-- "))
    first, *columns, last = [line for line in lines if not line.startswith("-- ")]
    opening = _VIEW.match(first)
    matches = [_COLUMN.match(line) for line in columns]
    assert opening is not None, f"views.sql: {first}"
    assert comment, f"views.sql: {first}: the view carries no comment"
    assert all(matches), f"views.sql: a column of {opening['name']} carries no comment"
    texts = {match["name"]: match["comment"] for match in matches if match is not None}
    return View(opening["name"], comment, texts, "\n".join([first, *columns, last]).strip().removesuffix(";"))
