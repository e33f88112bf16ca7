"""Draws that depend on their seed alone: the same on every machine and in every version of Python."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A run of draws. Two with one seed draw the same; another seed leaves this one as it is."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, limit: int) -> int:
        """0 up to limit - 1."""
        self._drawn += 1
        return int.from_bytes(hashlib.sha256(f"{self._seed} {self._drawn}".encode()).digest()) % limit

    def between(self, low: int, high: int) -> int:
        """low up to high, both included."""
        return low + self.below(high - low + 1)

    def one(self, things: Sequence[T]) -> T:
        """One of the things."""
        return things[self.below(len(things))]

    def two(self, things: Sequence[T]) -> tuple[T, T]:
        """Two different ones."""
        first = self.below(len(things))
        return things[first], things[(first + self.between(1, len(things) - 1)) % len(things)]
