"""What is owed for recurring charges on an invoice, and what of it no document holds yet (RULES 3, 4, 7).

A part is a run of *billed days* inside one cycle. `start_day_free`, the guide's count, is a shift: a part that
does not begin on its cycle's first day begins to bill one day later, and a state that gives way to another one
bills through the day of the change. Once shifted, parts of a cycle lie side by side and add up to it.
"""

from datetime import date

import polars as pl

from rating.cycles import cycles
from rating.terms import TERM, with_term_begun
from schemas.product import Product

KEY = ["account_id", "feed", "resource_id", "product_code", "cycle_start", "cycle_end"]
"""The charge key (RULES 7): what one charge is for, and for which service period."""


STATE = ["unit_price", "priced_units", "billing_group", "location_id"]
"""What a part of a cycle is charged at, on which line and where it is taxed: where one of them changes, one part is
given back and another one charged. A price model's units are one state (rating/period_charges.py)."""


def horizons(accounts: pl.DataFrame, month_first: date, cutoff_day: int) -> pl.DataFrame:
    """account_id, billing_start -> account_id, billing_start, horizon (Date): the last day whose changes an
    invoice of that month knows. It is the 1st; for an account that starts on the 2nd to the cutoff day, its start.
    """
    start = pl.col("billing_start")
    starts_in_window = (start > month_first) & (start <= date(month_first.year, month_first.month, cutoff_day))
    return accounts.select(
        "account_id", "billing_start", horizon=pl.when(starts_in_window).then(start).otherwise(pl.lit(month_first))
    )


def parts_owed(
    spans: pl.DataFrame, accounts: pl.DataFrame, window_start: date, window_end: date, products: dict[str, Product]
) -> pl.DataFrame:
    """Parts owed in cycles that overlap [window_start, window_end), as known at each account's horizon.

    Where a resource's cycles are known then, one that begins later in the month is billed in advance, and whatever
    changes before its first day, or on it, is known (RULES 7).

    accounts: account_id, billing_start, horizon. Returns KEY, part_start, part_end (billed days, half-open),
    quantity, agreed_price, priced_on, interval, billing_group, location_id (null unless the product is taxed by
    location).
    """
    horizon = pl.col("horizon")
    grid = ["account_id", "feed", "resource_id", "product_code", "anchor", "interval"]
    in_advance = pl.col("start").min().over(grid) <= horizon
    states = (
        _with_handover(spans, _starting_free(products))
        .join(accounts, on="account_id")
        .filter(pl.col("billing_start") <= horizon)
        # What ended before its billing began owes nothing, however long its last month or cycle would bill (RULES 4).
        .filter((pl.col("last_day") >= pl.col("billing_start")).fill_null(True))
        .join(cycles(spans, window_start, window_end), on=["anchor", "interval"])
        .with_columns(
            horizon=pl.when(in_advance).then(pl.max_horizontal("horizon", "cycle_start")).otherwise("horizon")
        )
        .filter(pl.col("start") <= horizon)
        # A cycle that begins after the horizon is billed ahead unless its end is already known.
        .filter(pl.col("end").is_null() | (pl.col("end") > pl.col("cycle_start")))
        .with_columns(
            hands_over=pl.col("hands_over") & (pl.col("end") <= horizon),
            # An end behind the horizon is not known yet: the invoice bills as if the state went on.
            end=pl.when(pl.col("end") <= horizon).then("end"),
        )
        .with_columns(
            start=pl.max_horizontal("start", "billing_start", "cycle_start"),
            end=pl.min_horizontal("end", "cycle_end"),
        )
        .filter(pl.col("start") < pl.col("end"))
    )
    by_location = pl.col("product_code").is_in([code for code, product in products.items() if product.by_location])
    parts = states.select(
        *KEY,
        *part_days(pl.col("product_code").is_in(_starting_free(products))),
        "quantity",
        "agreed_price",
        "interval",
        "billing_group",
        *TERM,
        location_id=pl.when(by_location).then("location_id"),
    ).filter(pl.col("part_start") < pl.col("part_end"))
    # Priced on the first day of the cycle; of a resource that is new in it, on its first billed day; inside a term on
    # the day on which that term began, or renewed: its price holds (RULES 6, 9).
    first = parts.with_columns(_first=pl.col("part_start").min().over(KEY))
    priced_on = pl.coalesce("term_begun", "_first")
    return with_term_begun(first, "_first").with_columns(priced_on=priced_on).drop(*TERM, "term_begun", "_first")


def _starting_free(products: dict[str, Product]) -> list[str]:
    return [code for code, product in products.items() if product.day_count == "start_day_free"]


def _with_handover(spans: pl.DataFrame, free: list[str]) -> pl.DataFrame:
    """Adds `hands_over`: whether the day `end` still bills here, for the first day of the state that follows is free.
    Where another product follows, its count decides, so that the day is billed once (RULES 3)."""
    resource = ["account_id", "feed", "resource_id"]
    is_free = pl.col("product_code").is_in(free)
    following = spans.select(*resource, is_free.alias("_next_is_free"), end="start").unique(
        [*resource, "end"], keep="last"
    )
    waits = pl.coalesce("_next_is_free", is_free)
    joined = spans.join(following, on=[*resource, "end"], how="left", validate="m:1", maintain_order="left")
    return joined.with_columns(hands_over=pl.col("changes_at_end") & waits).drop("_next_is_free")


def part_days(free: pl.Expr) -> list[pl.Expr]:
    """part_start, part_end of a state [start, end) inside [cycle_start, cycle_end), hands_over: which of its days bill.
    free: whether the first day of a part that does not begin the cycle is free."""
    late_start = free & (pl.col("start") > pl.col("cycle_start"))
    handed_over = pl.col("hands_over") & (pl.col("end") < pl.col("cycle_end"))
    handed_over &= pl.col("end") > pl.col("cycle_start")
    return [
        pl.when(late_start).then(pl.col("start").dt.offset_by("1d")).otherwise("start").alias("part_start"),
        pl.when(handed_over).then(pl.col("end").dt.offset_by("1d")).otherwise("end").alias("part_end"),
    ]


def billed_days(day_count: str, start: date, end: date, cycle_start: date, cycle_end: date) -> int:
    """How many days of the part [start, end) bill in a period; nothing follows the part (RULES 3). Never below 0."""
    part = pl.DataFrame(
        {
            "start": [max(start, cycle_start)],
            "end": [min(end, cycle_end)],
            "cycle_start": [cycle_start],
            "cycle_end": [cycle_end],
            "hands_over": [False],
        }
    ).select(part_days(pl.lit(day_count == "start_day_free")))
    days: int = part.select((pl.col("part_end") - pl.col("part_start")).dt.total_days()).item()
    return max(days, 0)


def difference(owed: pl.DataFrame, issued: pl.DataFrame) -> pl.DataFrame:
    """Owed minus issued, day by day: the parts that are still to be charged, or to be given back.

    Both: KEY, STATE, part_start, part_end, quantity. Returns the same columns; `quantity` is signed. Equal
    neighbours are one part, and what is owed and issued alike disappears.
    """
    keys = [*KEY, *STATE]
    # A part steps up by its quantity on its first day and down on the day after its last; the running sum of all steps
    # is what differs from one day to the next, however the two sides cut their parts.
    steps = pl.concat(
        [
            _steps(owed, keys, "part_start", +1),
            _steps(owed, keys, "part_end", -1),
            _steps(issued, keys, "part_start", -1),
            _steps(issued, keys, "part_end", +1),
        ]
    )
    return (
        steps.group_by(*keys, "day")
        .agg(pl.col("step").sum())
        .filter(pl.col("step") != 0)
        .sort(*keys, "day")
        .with_columns(
            quantity=pl.col("step").cum_sum().over(keys),
            part_end=pl.col("day").shift(-1).over(keys),
        )
        .filter(pl.col("quantity") != 0)
        .select(*keys, "part_end", "quantity", part_start="day")
    )


def overlap(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """What two differences have in common, day by day: the smaller of two that point the same way, else nothing.

    Both: KEY, STATE, part_start, part_end, quantity (signed). Returns the same columns.
    """
    keys = [*KEY, *STATE]
    # Both sides as steps on one axis of days: between two neighbouring days each has one quantity.
    sides = [
        pl.concat([_steps(parts, keys, "part_start", +1), _steps(parts, keys, "part_end", -1)]).rename({"step": name})
        for name, parts in (("left", left), ("right", right))
    ]
    left_now, right_now = (pl.col(name).cum_sum().over(keys) for name in ("left", "right"))
    quantity = (
        pl.when((pl.col("left") > 0) & (pl.col("right") > 0))
        .then(pl.min_horizontal("left", "right"))
        .when((pl.col("left") < 0) & (pl.col("right") < 0))
        .then(pl.max_horizontal("left", "right"))
        .otherwise(0)
    )
    return (
        pl.concat(sides, how="diagonal")
        .group_by(*keys, "day")
        .agg(pl.col("left", "right").fill_null(0).sum())
        .sort(*keys, "day")
        .with_columns(left_now, right_now, part_end=pl.col("day").shift(-1).over(keys))
        .with_columns(quantity=quantity)
        .filter(pl.col("quantity") != 0)
        .select(*keys, "part_end", "quantity", part_start="day")
    )


def cut_alike(parts: pl.DataFrame) -> pl.DataFrame:
    """Parts of a price model, cut where another part of their charge begins or ends.

    So the state that comes and the one that goes have the same days, and their difference is one line, however many
    changes a cycle had. parts: as `difference` returns them, and what else they have.
    """
    group = [*KEY, "billing_group", "location_id"]
    by_state = parts.filter(pl.col("priced_units").is_not_null())
    if by_state.is_empty():
        return parts
    edges = pl.concat([by_state.select(*group, day=edge) for edge in ("part_start", "part_end")]).unique()
    following = pl.col("day").shift(-1).over(group, order_by="day")
    pieces = edges.with_columns(day_after=following).filter(pl.col("day_after").is_not_null())
    cut = (
        by_state.join(pieces, on=group, nulls_equal=True, maintain_order="left")
        .filter(pl.col("part_start") <= pl.col("day"), pl.col("day_after") <= pl.col("part_end"))
        .with_columns(part_start="day", part_end="day_after")
        .sort(*group, "part_start", "priced_units", nulls_last=True)
    )
    return pl.concat([parts.filter(pl.col("priced_units").is_null()), cut.select(parts.columns)])


def _steps(parts: pl.DataFrame, keys: list[str], day: str, sign: int) -> pl.DataFrame:
    step = pl.col("quantity") if sign > 0 else -pl.col("quantity")
    return parts.select(*keys, day=day, step=step)
