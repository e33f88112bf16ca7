"""Facts of a scenario held against rows of the books."""

from decimal import Decimal
from typing import Any


def facts_agree(found: list[dict[str, Any]], expected: list[dict[str, str]]) -> None:
    """Exactly these rows, each with the facts the scenario names, whatever their order."""
    assert len(found) == len(expected), [row["amount"] for row in found]
    for wanted in expected:
        matches = [row for row in found if all(same(row[name], value) for name, value in wanted.items())]
        assert len(matches) == 1, (wanted, [{name: row[name] for name in wanted} for row in found])


def same(found: Any, wanted: str) -> bool:
    try:
        return Decimal(str(found)) == Decimal(wanted)
    except ArithmeticError:
        return str(found) == wanted
