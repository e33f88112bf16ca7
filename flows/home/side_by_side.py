"""Work on several pieces at the same time; results keep the order of what went in, so threads change nothing."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

AT_ONCE = 2
"""Pieces in work besides the one that is dealt with: each takes its share of the memory."""


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in another thread while the one before is dealt with."""
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = other.submit(next, items, None)
            yield item


def several(work: Callable[[A], T], items: Iterable[A]) -> Iterator[T]:
    """`work` of each item, AT_ONCE at a time; items are taken here, one by one."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as others:
        for item in items:
            waiting.append(others.submit(work, item))
            if len(waiting) > AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
