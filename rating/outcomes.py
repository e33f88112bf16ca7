"""Every usage record ends in exactly one outcome; these are the closed lists of reasons (RULES 15-17).

Between the steps of rating a record carries `outcome` (null while it is still on its way), `reason` and `detail`.
The first step that settles a record wins.
"""

from typing import Literal

import polars as pl

SUSPENDED = {
    "conflict": "the same call or message came with other content",
    "bad_number": "the number dialled is no telephone number",
    "unknown_account": "the stated account is not known",
    "no_owner": "nobody owned the number at that instant",
    "owner_conflict": "the stated account did not own the number or extension at that instant",
    "account_closed": "the account had left",
    "no_plan": "the account has no plan that rates usage",
    "no_rule": "the plan does not price this kind of usage",
    "no_rate": "no rate in force for the destination",
    "sms_not_offered": "SMS and MMS are offered in the US and Canada only",
    "too_old": "older than the months a run looks back",
    "late_usage": "its month is already on an issued document",
}
EXCLUDED = {
    "unanswered": "not answered, or zero seconds",
    "before_billing_start": "before the account's billing start",
    "before_first_invoice_month": "billed by the earlier system",
    "other_leg": "the leg of the call that its source does not bill",
    "month_open": "its month is not over; the next run rates it",
}


def settle(
    records: pl.DataFrame,
    outcome: Literal["suspended", "excluded"],
    reason: str,
    when: pl.Expr,
    detail: pl.Expr | None = None,
) -> pl.DataFrame:
    """Gives `outcome` and `reason` to the records that are still on their way and for which `when` is true."""
    if reason not in (SUSPENDED if outcome == "suspended" else EXCLUDED):
        raise ValueError(f"{reason!r} is not on the list of reasons for {outcome} usage")
    now = pl.col("outcome").is_null() & when.fill_null(False)
    return records.with_columns(
        outcome=pl.when(now).then(pl.lit(outcome)).otherwise("outcome"),
        reason=pl.when(now).then(pl.lit(reason)).otherwise("reason"),
        detail=pl.when(now).then(pl.lit(None, pl.String) if detail is None else detail).otherwise("detail"),
    )
