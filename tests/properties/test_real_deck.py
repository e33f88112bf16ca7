"""Longest match and exact sums at size: a real deck in two dated versions, and a million calls of one second."""

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl

from rating.charges import sum_components, usage_charges
from rating.match import compile_prefixes, longest_prefix
from schemas.money import EXACT, round_sums, rounded

OLD, NEW = date(2026, 4, 30), date(2026, 5, 1)


def test_every_prefix_and_its_neighbours_in_two_versions(shared: Path) -> None:
    """Until April all rows; from May every third prefix is closed and every fifth has a row of its own."""
    with (shared / "real" / "az_deck.csv").open(encoding="utf-8") as file:
        prefixes = [row["prefix"] for row in csv.DictReader(file)]
    rows: list[tuple[str, date | None, date | None, str]] = [
        (p, None, OLD if i % 3 == 0 or i % 5 == 0 else None, f"{p}@old") for i, p in enumerate(prefixes)
    ]
    rows += [(p, NEW, None, f"{p}@new") for i, p in enumerate(prefixes) if i % 5 == 0]
    schema = {"prefix": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, "rate_id": pl.String}
    table = compile_prefixes(pl.DataFrame(rows, schema=schema, orient="row"))
    numbers = sorted({
        number
        for p in prefixes
        for number in (p, str(int(p) - 1), str(int(p) + 1), p.ljust(15, "0"), p.ljust(15, "9"))
    })  # fmt: skip
    in_force = {
        OLD: {p: f"{p}@old" for p in prefixes},
        NEW: {p: f"{p}@new" if i % 5 == 0 else f"{p}@old" for i, p in enumerate(prefixes) if i % 5 == 0 or i % 3 != 0},
    }
    for day, deck in in_force.items():
        asked = pl.DataFrame({"number": numbers}).with_columns(day=pl.lit(day))
        found = longest_prefix(table, asked)["rate_id"].to_list()
        assert found == [_plainly(deck, number) for number in numbers]


def _plainly(deck: dict[str, str], number: str) -> str | None:
    for length in range(len(number), 0, -1):
        if number[:length] in deck:
            return deck[number[:length]]
    return None


def test_a_million_calls_of_one_second_sum_exactly() -> None:
    count = 1_000_003
    price = Decimal("0.2093")
    components = pl.DataFrame(
        {"account_id": ["A"], "line_key": ["L"], "section": ["international_minutes"], "product_code": ["abroad"],
         "billing_group": [None], "country": ["FR"], "usage_month": ["2026-05"], "component": ["charged"],
         "units": [1], "unit": ["second"], "per": [60], "amount_den": [60]},
        schema_overrides={"billing_group": pl.String},
    ).with_columns(price=pl.lit(price).cast(EXACT), amount_num=pl.lit(price).cast(EXACT))  # fmt: skip
    many = components.select(pl.all().repeat_by(count).explode())
    charges = usage_charges(sum_components(many), {"2026-05": (date(2026, 5, 1), date(2026, 6, 1))})
    line = round_sums(charges.with_columns(minor_digits=pl.lit(9)), ["account_id", "line_key"])
    assert line["amount"].to_list() == [rounded(Fraction(price) * count / 60, 9)]
    assert charges["quantity"].to_list() == [Decimal(count)]
