"""The open books: one store for the length of a command, and what is read from it once for every stage alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flows.books.context import Request
from flows.catalog.load import Tables, load_all
from flows.home.settings import Settings
from flows.home.store import Store

T = TypeVar("T")


class Books:
    """A home's database, held open, as one request looks at it; with the settings and tables of that moment.

    Whatever is asked for by `once` is the very same for every stage that asks. Made by `open_books`.
    """

    def __init__(self, request: Request, settings: Settings, store: Store) -> None:
        self.request = request
        self.settings = settings
        self.store = store
        self._made: dict[Callable[[Books], Any], Any] = {}

    def __repr__(self) -> str:
        return f"Books({self.request.home_dir!r}, {self.request.invoice_month!r})"

    def once(self, make: Callable[["Books"], T]) -> T:
        """What `make` makes of these books: made when it is first asked for, and kept until `read_again`."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    @property
    def tables(self) -> Tables:
        """Catalogue, decks, taxes, numbering plan. Raises WrongUsage with file and key."""
        return self.once(_tables)

    def read_again(self) -> None:
        """Forgets what was read: the feeds are others now. Settings stay those that the command began with."""
        self._made.clear()

    def seen_by(self, request: Request) -> "Books":
        """The same open store as another request sees it: other accounts, or what an earlier run knew."""
        settings = self.settings if request.known == self.request.known else request.settings()
        seen = Books(request, settings, self.store.within(request.scope))
        if request.known == self.request.known:
            seen._made[_tables] = self.tables
        return seen


def _tables(books: Books) -> Tables:
    return load_all(books.request.home, books.settings)


@contextmanager
def open_books(request: Request, store: Store | None = None) -> Iterator[Books]:
    """The books of the request's home, open until the end of the block; on `store` where the command has it open."""
    settings = request.settings()
    if store is not None:
        yield Books(request, settings, store.within(request.scope))
        return
    with Store(request.home, settings.run.memory_limit_mb, request.scope) as opened:
        yield Books(request, settings, opened)
