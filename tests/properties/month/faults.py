"""Faults to plant, one in each of twelve places of the product: each is a wrong reading of one rule."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import polars as pl

import flows.month.charge
import rating.allowances
import rating.inventory
import rating.net_lines
import rating.owed
import rating.usage
import taxes.rows
from rating.intervals import Intervals
from taxes.memory import Memory


class Fault(NamedTuple):
    """seed, month: in which home, and which of its two months, it shows. `plant` makes of what `where` calls `name`
    what stands in its place."""

    seed: int
    month: int
    where: Any
    name: str
    plant: Callable[[Any], Any]


def _first_day_bills(part_days: Any) -> Any:
    return lambda free: part_days(free & False)


def _change_day_not_billed(part_days: Any) -> Any:
    return lambda free: [part_days(free)[0], pl.col("end").alias("part_end")]


def _priced_by_the_cycle(parts_owed: Any) -> Any:
    return lambda *asked: parts_owed(*asked).with_columns(priced_on=pl.min_horizontal("priced_on", "cycle_start"))


def _removed_at_once(_: Any) -> Any:
    return lambda spans, _products: spans["end"]


def _units_cut_down(_: Any) -> Any:
    def whole_units(units: int, share: tuple[pl.Expr, int]) -> pl.Expr:
        return (units * share[0] // share[1] * pl.col("quantity")).cast(pl.Int64)

    return whole_units


def _percents_added(_: Any) -> Any:
    return lambda amount, percent: amount if percent is None else amount - Fraction(percent) / 100


def _first_line_takes_the_rest(_: Any) -> Any:
    def spread(amount: Decimal, weights: list[Any], digits: int) -> list[Decimal]:
        cents = [int(amount * 10**digits * weight / sum(weights)) for weight in weights]
        rest = int(amount * 10**digits) - sum(cents)
        return [Decimal(c + (0 if n else rest)).scaleb(-digits) for n, c in enumerate(cents)]

    return spread


def _all_is_interstate(weights: Any) -> Any:
    def of_whole_lines(row: dict[str, Any], table: Any) -> Any:
        return weights(row | {"interstate_share": [Decimal(100) if s else s for s in row["interstate_share"]]}, table)

    return of_whole_lines


def _taxed_today(rows_to_reverse: Any) -> Any:
    def rows(self: Memory, lines: pl.DataFrame) -> pl.DataFrame:
        found: pl.DataFrame = rows_to_reverse(self, lines)
        return found.with_columns(tax_date=pl.col("tax_date").dt.offset_by("1mo"))

    return rows


def _owned_by_the_day(at: Any) -> Any:
    return lambda self, asked, times: at(self, asked, times.dt.truncate("1d"))


def _no_increments(measured: Any) -> Any:
    return lambda records, tariffs: measured(records.with_columns(pl.lit(1).cast(pl.Int64).alias("increment")), tariffs)


def _every_rate_by_the_minute(amounts: Any) -> Any:
    return lambda records, tariffs: amounts(records.with_columns(per=pl.lit(60).cast(records.schema["per"])), tariffs)


FAULTS = {
    "the first day of a part bills": Fault(1758, 0, rating.owed, "part_days", _first_day_bills),
    "nobody bills the day of a change": Fault(1758, 0, rating.owed, "part_days", _change_day_not_billed),
    "what is new is priced by its cycle": Fault(1758, 0, flows.month.charge, "parts_owed", _priced_by_the_cycle),
    "removal none credits all the same": Fault(2117, 0, rating.inventory, "_unremoved", _removed_at_once),
    "included units by days are cut down": Fault(1758, 0, rating.allowances, "_whole_units", _units_cut_down),
    "percents are added up": Fault(24, 0, rating.net_lines, "less_percent", _percents_added),
    "the first line takes all the rest": Fault(24, 0, rating.net_lines, "spread", _first_line_takes_the_rest),
    "the interstate share is the whole": Fault(1758, 0, taxes.rows, "_weights", _all_is_interstate),
    "what is given back is taxed as of today": Fault(1758, 1, Memory, "rows_to_reverse", _taxed_today),
    "a port counts from midnight": Fault(1758, 0, Intervals, "at", _owned_by_the_day),
    "increments are not rounded up": Fault(1758, 0, rating.usage, "_measured", _no_increments),
    "a rate without per is per 60": Fault(1758, 0, rating.usage, "_amounts", _every_rate_by_the_minute),
}
