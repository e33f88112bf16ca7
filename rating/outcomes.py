"""Every usage record ends in exactly one outcome; these are the closed lists of reasons (RULES 15-17).

Between the steps of rating a record carries `reason` (null while it is still on its way) and `detail`.
The first step that settles a record wins.
"""

from typing import Any

import polars as pl

SUSPENDED = {
    "conflict": "the same call or message came with other content",
    "bad_number": "the number dialled is no telephone number",
    "unknown_account": "the stated account is not known",
    "no_owner": "nobody owned the number at that instant",
    "owner_conflict": "the stated account did not own the number or extension at that instant",
    "account_closed": "the account had left",
    "service_suspended": "the account's service was suspended",
    "no_plan": "the account has no plan that rates usage",
    "no_rule": "the plan does not price this kind of usage",
    "no_rate": "no rate in force for the destination",
    "sms_not_offered": "SMS and MMS are offered in the US and Canada only",
    "detail_erased": "the call detail of its month was erased on request, so the month cannot be rated any more",
    "too_old": "older than the months a run looks back",
    "late_usage": "its month is already on an issued document",
}
EXCLUDED = {
    "erased": "its numbers were erased on request",
    "unanswered": "not answered, or zero seconds",
    "before_billing_start": "before the account's billing start",
    "before_first_invoice_month": "billed by the earlier system",
    "other_leg": "the leg of the call that its source does not bill",
    "month_open": "its month is not over; the next run rates it",
}


REASON = pl.Enum([*SUSPENDED, *EXCLUDED])
"""Of every reason; it stands for the outcome too, so a record on its way to a price carries one small column."""

UNSETTLED: dict[str, Any] = {"reason": REASON, "detail": pl.String}


def settle(records: pl.DataFrame, reason: str, when: pl.Expr, detail: pl.Expr | None = None) -> pl.DataFrame:
    """Gives `reason` to the records that are still on their way and for which `when` is true; it says the outcome."""
    if reason not in SUSPENDED and reason not in EXCLUDED:
        raise ValueError(f"{reason!r} is on neither list of reasons")
    now = records.select(pl.col("reason").is_null() & when.fill_null(False)).to_series()
    if not now.any():
        return records
    settled = records.with_columns(reason=pl.when(now).then(pl.lit(reason, REASON)).otherwise("reason"))
    if detail is None:
        return settled
    # Of those alone: a text for every record would take longer than all else here.
    said = records.filter(now).with_columns(detail=detail.cast(pl.String))["detail"]
    return settled.with_columns(settled["detail"].scatter(now.arg_true(), said))


def outcome() -> pl.Expr:
    """rated, suspended or excluded, as `reason` has it."""
    return (
        pl.when(pl.col("reason").is_null())
        .then(pl.lit("rated"))
        .when(pl.col("reason").is_in(list(SUSPENDED)))
        .then(pl.lit("suspended"))
        .otherwise(pl.lit("excluded"))
    )
