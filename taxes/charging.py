"""What a tax row is charged by: a table in force (taxes/table.py), or the row that is given back (taxes/charged.py)."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from schemas.errors import WrongUsage


class Charging(Protocol):
    """One tax of one jurisdiction. Days are tax dates; a row is what taxes/apply.py makes of parts of one date."""

    @property
    def file(self) -> str | None: ...
    @property
    def code(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> dict[str, str]: ...
    @property
    def text(self) -> dict[str, str]: ...
    @property
    def unit(self) -> str: ...
    @property
    def date_basis(self) -> str | None: ...
    @property
    def also_on(self) -> Sequence[str]:
        """Codes of the taxes and fees that are in its base."""
        ...

    def percent(self, day: date, /) -> Decimal | None:
        """The rate; None where it is not known."""
        ...

    def unknown(self, day: date, /) -> str:
        """Why it is not known."""
        ...

    def valid_from(self, day: date, /) -> date | None:
        """Since when the rate holds."""
        ...

    def citation(self, day: date, /) -> str:
        """Where the rate was read."""
        ...

    def status_on(self, day: date, /) -> str | None:
        """`sourced` or `sample`."""
        ...

    def amount_of(
        self, row: Mapping[str, Any], taxable: Decimal, exact: Decimal, on: tuple[Decimal, Decimal], /
    ) -> tuple[Decimal, str]:
        """What the row comes to, and how that was rounded; exact is the taxable part times the rate. on: the taxable
        part and the amount of what it gives back a part of, zero where it gives nothing back."""
        ...

    def proof(self, row: Mapping[str, Any], /) -> dict[str, Any]:
        """exempt_reason and tax_id_check: why nobody pays the row."""
        ...


def levels(tables: Sequence[Charging]) -> tuple[tuple[int, ...], ...]:
    """Positions of the tables, in the order in which they can be computed: those on others' amounts come later.

    Raises WrongUsage where taxes are charged on each other in a circle.
    """
    codes = {table.code for table in tables}
    waits: dict[str, set[str]] = {code: set() for code in codes}
    for table in tables:
        waits[table.code] |= codes.intersection(table.also_on)
    depth: dict[str, int] = {}
    try:
        for code in TopologicalSorter(waits).static_order():
            depth[code] = 1 + max((depth[on] for on in waits[code]), default=-1)
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise WrongUsage(f"base.also_on: these taxes are charged on each other in a circle: {circle}") from None
    return tuple(
        tuple(place for place, table in enumerate(tables) if depth[table.code] == level)
        for level in range(1 + max(depth.values(), default=-1))
    )
