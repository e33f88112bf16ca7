"""Expected errors: one sentence for the reader, one exit code for the script (CONTRACT, section 3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class TollbookError(Exception):
    """Base of every expected error. Shown without a traceback; `exit_code` ends the command."""

    exit_code = 4


class Refused(TollbookError):
    """Nothing was changed: books do not balance, window closed, month issued, lock held."""

    exit_code = 4


class WrongUsage(TollbookError):
    """The command, the settings or the catalogue say something that cannot be meant."""

    exit_code = 2


class NothingToDo(TollbookError):
    """The same inputs were already dealt with."""

    exit_code = 5


class LeftOpen(NothingToDo):
    """Nothing to do but what a person has to mend first, such as a file that was refused."""

    exit_code = 3


@dataclass(frozen=True)
class Fault:
    """One thing wrong in an input, as a value: where, what was found, what would be right.

    `line` is the physical line in the file (header = 1); `column` the column's name. Both may be None.
    """

    file: str
    line: int | None
    column: str | None
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        where = self.file
        if self.line is not None:
            where += f", line {self.line}"
        if self.column:
            where += f", column {self.column}"
        text = f"{where}: found {self.found}; expected {self.expected}"
        return f"{text}. {self.remedy}" if self.remedy else text


class EntryFault(ValueError):
    """What is wrong between entries of one document; `keys` lead to the one that says it."""

    def __init__(self, said: str, keys: tuple[str, ...]) -> None:
        super().__init__(said)
        self.keys = keys


@contextmanager
def said_by(*keys: str) -> Iterator[None]:
    """A ValueError inside becomes an EntryFault of the entry that `keys` lead to; one that has its keys keeps them."""
    try:
        yield
    except EntryFault:
        raise
    except ValueError as error:
        raise EntryFault(str(error), keys) from None
