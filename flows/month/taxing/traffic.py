"""The traffic study: what of an account's own calls is interstate or international, for USF on a measured share.

Measured are the answered seconds of its calls in the usage months of MONTHS before the invoice month. Seconds of
calls of which nobody knows the states of both ends are shown, and counted neither way. An account without such calls
goes by those of its seller as a whole; a seller without any has no study, and an account that needs it is parked.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from flows.home.settings import Settings
from flows.home.store import Store
from schemas.frames import parked_as
from schemas.money import EXACT
from schemas.periods import quarter_start, shift_month

MONTHS = 3

STUDY: dict[str, Any] = {
    "account_id": pl.String,
    "seller_id": pl.String,
    "first_month": pl.String,
    "last_month": pl.String,
    "calls": pl.Int64,
    "interstate_s": pl.Int64,
    "international_s": pl.Int64,
    "intrastate_s": pl.Int64,
    "unknown_s": pl.Int64,
    "share_percent": EXACT,
    "measured_on": pl.String,
}
"""`share_percent` of the known seconds, cut to four decimals so that the cap of USF holds; null: nothing to go by.
`measured_on`: account, or seller where the account had no calls of its own."""

_KINDS = ["interstate", "international", "intrastate", "unknown"]


def window(invoice_month: str) -> tuple[str, str]:
    """First and last usage month that a study measures."""
    return shift_month(invoice_month, -MONTHS), shift_month(invoice_month, -1)


def study(usage: pl.DataFrame, accounts: pl.DataFrame, invoice_month: str) -> pl.DataFrame:
    """STUDY, a row per account. usage: account_id, usage_month, jurisdiction, duration_s and calls (sums, each call
    once); accounts: account_id, seller_id."""
    first, last = window(invoice_month)
    calls = usage.filter(pl.col("usage_month").is_between(pl.lit(first), pl.lit(last))).join(accounts, on="account_id")
    seconds = [
        pl.col("duration_s").filter(pl.col("jurisdiction") == kind).sum().fill_null(0).alias(f"{kind}_s")
        for kind in _KINDS
    ]
    own = calls.group_by("account_id").agg(pl.col("calls").sum(), *seconds)
    whole = calls.group_by("seller_id").agg(*seconds).with_columns(seller_share=_share())
    return (
        accounts.join(own, on="account_id", how="left", validate="1:1")
        .join(whole.select("seller_id", "seller_share"), on="seller_id", how="left", validate="m:1")
        .with_columns(
            pl.col("calls", *(f"{kind}_s" for kind in _KINDS)).fill_null(0),
            first_month=pl.lit(first),
            last_month=pl.lit(last),
        )
        .with_columns(own_share=_share())
        .with_columns(
            share_percent=pl.coalesce("own_share", "seller_share"),
            measured_on=pl.when(pl.col("own_share").is_not_null())
            .then(pl.lit("account"))
            .when(pl.col("seller_share").is_not_null())
            .then(pl.lit("seller")),
        )
        .select(pl.col(name).cast(kind) for name, kind in STUDY.items())
        .sort("account_id")
    )


def _share() -> pl.Expr:
    """Percent, in whole ten-thousandths, cut; null without seconds of a known kind."""
    crossing = pl.col("interstate_s") + pl.col("international_s")
    classified = crossing + pl.col("intrastate_s")
    units = (crossing.cast(pl.Int128) * 1_000_000) // pl.when(classified > 0).then(classified)
    return units.cast(pl.Int64).cast(EXACT) * pl.lit("0.0001").cast(EXACT)


_BOTH_METHODS = (
    "products name both safe_harbour and measured: one USF method per seller and quarter; "
    "choose it with usf_method of the seller in tollbook.toml"
)


def with_method(
    lines: pl.DataFrame, accounts: pl.DataFrame, shares: pl.DataFrame, settings: Settings, issue_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines with the seller's method of the quarter in `interstate` and the account's `measured_share`; and the
    accounts (PARKED) whose products name both methods where the seller has chosen none (RULES 21).

    A line that reverses an issued one keeps the method and share it was charged with.
    """
    chosen = {name: seller.usf_method_on(quarter_start(issue_date)) for name, seller in settings.sellers.items()}
    new, mixed = pl.col("tax_date").is_null(), pl.col("interstate").is_in(["safe_harbour", "measured"])
    facts = accounts.select("account_id", "seller_id").join(
        shares.select("account_id", "share_percent"), on="account_id", how="left", validate="1:1"
    )
    lines = lines.join(facts, on="account_id", how="left", validate="m:1", maintain_order="left").with_columns(
        _chosen=pl.col("seller_id").replace_strict(chosen, default=None, return_dtype=pl.String)
    )
    lines = lines.with_columns(
        interstate=pl.when(new & mixed).then(pl.coalesce("_chosen", "interstate")).otherwise("interstate")
    ).with_columns(
        measured_share=pl.when(new & (pl.col("interstate") == "measured"))
        .then("share_percent")
        .otherwise("measured_share")
    )
    both = (
        lines.filter(new & mixed, pl.col("jurisdiction").str.starts_with("US"))
        .group_by("account_id", maintain_order=True)
        .agg(pl.col("interstate").n_unique().alias("methods"))
        .filter(pl.col("methods") > 1)
        .select("account_id", **parked_as("usf_method", pl.lit(_BOTH_METHODS)))
    )
    return lines.drop("seller_id", "share_percent", "_chosen"), both


def report(store: Store, invoice_month: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The study of the month's last run: a row per account, and lines for a reader with each seller's sum."""
    columns = list(STUDY)
    rows = store.rows(
        f"select {', '.join(columns)} from traffic_studies where run_id = (select run_id from runs "
        "where invoice_month = $1 order by run_seq desc limit 1) order by seller_id, account_id",
        [invoice_month],
    )
    data = [dict(zip(columns, row, strict=True)) for row in rows]
    lines = [f"rated calls of the usage months {data[0]['first_month']} to {data[0]['last_month']}:"] if data else []
    lines += [_study_line(row["account_id"], row) for row in data]
    for seller in dict.fromkeys(row["seller_id"] for row in data):
        own = [row for row in data if row["seller_id"] == seller]
        whole = {name: sum(row[name] for row in own) for name in ("calls", *(f"{kind}_s" for kind in _KINDS))}
        crossing = whole["interstate_s"] + whole["international_s"]
        classified = crossing + whole["intrastate_s"]
        share = Decimal(crossing * 1_000_000 // classified).scaleb(-4) if classified else None
        lines.append(
            _study_line(f"{seller}, all accounts", {**whole, "share_percent": share, "measured_on": "account"})
        )
    return data, lines


def _study_line(name: str, row: dict[str, Any]) -> str:
    if row["share_percent"] is None:
        return f"{name}: no calls to measure, nor has its seller any"
    share = f"{row['share_percent'].normalize():f} %"
    whose = " (the seller's, for it has no calls of its own)" if row["measured_on"] == "seller" else ""
    seconds = ", ".join(f"{row[f'{kind}_s']} s {kind}" for kind in _KINDS)
    return f"{name}: {row['calls']} calls, {seconds}: {share} interstate and international{whose}"
