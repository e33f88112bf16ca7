"""The home's database for the length of an act, under its lock."""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.books.context import Request
from flows.books.publish import publish_if_owed
from flows.home.lock import locked
from flows.home.store import Store
from schemas.errors import NothingToDo


@contextmanager
def at_work(request: Request, act: str) -> Iterator[Store]:
    """The request's home, open. Raises Held where somebody else is at work there."""
    memory_limit_mb = request.settings().run.memory_limit_mb
    with (
        locked(request.home, act, request.by, request.now, take_over=request.take_over),
        Store(request.home, memory_limit_mb) as store,
        what_is_owed(store),
    ):
        yield store


@contextmanager
def what_is_owed(store: Store) -> Iterator[None]:
    """Where there is nothing to do, the snapshot that an act before, cut off between its end and it, still owes."""
    try:
        yield
    except NothingToDo as nothing:
        if publish_if_owed(store):
            raise type(nothing)(f"The snapshot was owed and is published. {nothing}") from None
        raise
