"""A view of the snapshot: what it is called, what it means, and the statements that make it."""

from dataclasses import dataclass


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
