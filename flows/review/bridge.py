"""The recurring bridge: how last month's recurring money became this month's, to the cent (RULES 28).

Both ends are added up from the documents as printed; the steps between come from the charges behind them. So the
residual is 0.00 only if what is printed is what was charged.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from flows.home.store import Store
from flows.review.stops import Stop
from schemas.money import EXACT
from schemas.periods import month_start, shift_month

STEPS = ("new", "removed", "quantity", "price", "not_due", "not_billed", "proration", "discount", "rounding")
"""new, removed: resources that came or went. quantity, price: of those that stayed. not_due: cycles longer than a month
that are not due, and cycles of days of which more, or fewer, begin than last month. not_billed: accounts parked or left
out. proration: parts of cycles and earlier cycles, this month's less last month's. discount: also minimums and
maximums. rounding: of the printed lines."""

_RESOURCE = ["seller_id", "currency", "account_id", "resource_kind", "resource_id", "product_code"]
_TABLE = ["seller_id", "currency"]

_PRINTED = """
    with lines as (
        select d.seller_id, d.currency, d.invoice_month = $month as is_now,
            unnest(from_json(o.document_json -> 'lines', '["json"]')) as line
        from documents_in_force as d join documents as o using (run_id, draft_id)
        where d.invoice_month in ($month, $previous) and o.invoice_month in ($month, $previous))
    select seller_id, currency, is_now, sum((line ->> 'amount')::decimal(38, 12)) as amount
    from lines where line ->> 'charge_type' in ('recurring', 'proration') group by all"""
_CHARGES = """
    select d.seller_id, d.currency, c.account_id, c.resource_kind, c.resource_id, c.product_code,
        d.invoice_month = $month as is_now, c.quantity, c.unit_price, c.amount_num, c.amount_den, c.cycle_start,
        c.cycle_end,
        c.charge_type = 'recurring' and c.cycle_start >= (d.invoice_month || '-01')::date as is_state
    from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
    where d.invoice_month in ($month, $previous) and c.charge_type in ('recurring', 'proration')"""
_LINES = """
    select d.seller_id, d.currency, d.invoice_month = $month as is_now, sum(l.list_amount) as listed,
        sum(l.amount - l.list_amount) as discount, count(*) as lines, any_value(d.minor_digits) as digits
    from invoice_lines l join documents_in_force d on d.run_id = l.run_id and d.draft_id = l.draft_id
    where d.invoice_month in ($month, $previous) and l.charge_type in ('recurring', 'proration') group by all"""
_BILLED_BEFORE = """
    select distinct d.seller_id, d.currency, c.account_id, c.resource_kind, c.resource_id, c.product_code
    from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
    where d.invoice_month < $month and c.charge_type = 'recurring'"""
_LEFT_OUT = """
    select account_id from run_accounts a join run_states r using (run_id)
    where r.invoice_month = $month and r.state in ('drafted', 'approved') and a.outcome in ('parked', 'excluded')
        and a.account_id not in (select account_id from documents_in_force where invoice_month = $month)"""


def bridge(store: Store, month: str) -> list[dict[str, Any]]:
    """A row per seller and currency: previous, STEPS, total, residual. Inside publish.in_force."""
    both = {"month": month, "previous": shift_month(month, -1)}
    charges = store.sql(_CHARGES, both).with_columns(amount=(pl.col("amount_num") / pl.col("amount_den")).cast(EXACT))
    lines = store.sql(_LINES, both)
    printed = store.sql(_PRINTED, both)
    if printed.is_empty():
        return []
    left_out = store.sql(_LEFT_OUT, {"month": month})["account_id"].unique().to_list()
    steps = _state_steps(charges, store.sql(_BILLED_BEFORE, {"month": month}), left_out, month)
    other = _moved(charges.filter(~pl.col("is_state")), "amount", "proration")
    exact = _moved(charges, "amount", "exact")
    listed = _moved(lines, "listed", "listed")
    table = _ends(printed)
    for part in (steps, other, exact, listed, _moved(lines, "discount", "discount"), _allowed(lines)):
        table = table.join(part, on=_TABLE, how="left", validate="1:1")
    table = table.with_columns(pl.col(pl.Decimal).fill_null(0)).with_columns(
        rounding=pl.col("listed") - pl.col("exact")
    )
    # More than the lines can have rounded away is no rounding: it stays in the residual.
    table = table.with_columns(
        rounding=pl.when(pl.col("rounding").abs() <= pl.col("allowed")).then("rounding").otherwise(0)
    )
    table = table.with_columns(residual=pl.col("total") - pl.col("previous") - pl.sum_horizontal(*STEPS))
    return table.select(*_TABLE, "previous", *STEPS, "total", "residual").sort(_TABLE).to_dicts()


def residuals(rows: list[dict[str, Any]]) -> Iterator[Stop]:
    """A bridge that does not close: something printed was not charged, or the other way round."""
    for row in rows:
        if abs(row["residual"]) >= Decimal("0.005"):
            told = f"{row['residual'].normalize():f} {row['currency']} of the recurring money is not explained"
            yield Stop("bridge_residual", row["seller_id"], told, row["seller_id"])


def _ends(printed: pl.DataFrame) -> pl.DataFrame:
    at = pl.col("amount")
    return printed.group_by(_TABLE).agg(
        previous=at.filter(~pl.col("is_now")).sum(), total=at.filter(pl.col("is_now")).sum()
    )


def _moved(rows: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """This month's sum of a column less last month's."""
    at = pl.col(column)
    moved = at.filter(pl.col("is_now")).sum() - at.filter(~pl.col("is_now")).sum()
    return rows.group_by(_TABLE).agg(moved.cast(EXACT).alias(name))


def _allowed(lines: pl.DataFrame) -> pl.DataFrame:
    """Half of the smallest unit per printed line: what rounding may come to."""
    unit = pl.col("digits").replace_strict(
        {digits: Decimal(5).scaleb(-digits - 1) for digits in range(5)}, return_dtype=EXACT
    )
    return lines.group_by(_TABLE).agg(allowed=(unit * pl.col("lines")).sum().cast(EXACT))


def _state_steps(charges: pl.DataFrame, billed_before: pl.DataFrame, left_out: list[str], month: str) -> pl.DataFrame:
    """Whole cycles, resource by resource: what came, went, or costs something else."""
    sides = [
        charges.filter(pl.col("is_state") & (pl.col("is_now") == is_now))
        .group_by(_RESOURCE)
        .agg(
            # Of 30 days several cycles begin in one month: what is compared is one of them.
            (pl.col("quantity").sum() / pl.col("cycle_start").n_unique()).cast(EXACT).alias(f"quantity_{side}"),
            pl.col("unit_price").max().alias(f"price_{side}"),
            pl.col("amount").sum().alias(f"amount_{side}"),
            pl.col("cycle_start").n_unique().cast(EXACT).alias(f"cycles_{side}"),
            pl.col("cycle_end").max().alias(f"end_{side}"),
        )
        for side, is_now in (("then", False), ("now", True))
    ]
    both = sides[0].join(sides[1], on=_RESOURCE, how="full", coalesce=True, nulls_equal=True)
    both = both.join(
        billed_before.with_columns(is_old=pl.lit(True)), on=_RESOURCE, how="left", nulls_equal=True, validate="m:1"
    )
    came, went = pl.col("amount_then").is_null(), pl.col("amount_now").is_null()
    out = went & pl.col("account_id").is_in(left_out)
    covered = went & (pl.col("end_then") > month_start(month))
    due_again = came & pl.col("is_old").fill_null(False)
    step = (
        pl.when(out).then(pl.lit("not_billed"))
        .when(covered | due_again).then(pl.lit("not_due"))
        .when(came).then(pl.lit("new"))
        .when(went).then(pl.lit("removed"))
        .otherwise(pl.lit("stayed"))
    )  # fmt: skip
    change = pl.col("amount_now").fill_null(0) - pl.col("amount_then").fill_null(0)
    more_cycles = pl.col("cycles_now") - pl.col("cycles_then")
    by_cycles = (pl.col("amount_now") / pl.col("cycles_now") * more_cycles).cast(EXACT).fill_null(0)
    more = pl.col("quantity_now") - pl.col("quantity_then")
    by_quantity = (
        pl.when(more == 0).then(0)
        .when(pl.col("price_now") == pl.col("price_then")).then(pl.col("change"))
        .otherwise((more * pl.col("price_then") * pl.col("cycles_then")).cast(EXACT))
    )  # fmt: skip
    both = both.with_columns(step=step, by_cycles=by_cycles, change=(change - by_cycles).cast(EXACT))
    both = both.with_columns(by_quantity=by_quantity.cast(EXACT))
    stayed = pl.col("step") == "stayed"
    sums = {
        name: pl.col("change").filter(pl.col("step") == name).sum()
        for name in ("new", "removed", "not_due", "not_billed")
    }
    sums["not_due"] += pl.col("by_cycles").sum()
    sums["quantity"] = pl.col("by_quantity").filter(stayed).sum()
    sums["price"] = (pl.col("change") - pl.col("by_quantity")).filter(stayed).sum()
    return both.group_by(_TABLE).agg(**{name: total.cast(EXACT) for name, total in sums.items()})
