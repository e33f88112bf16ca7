"""Usage to rated usage. The order of operations stands here, once, with its reasons.

1. conflict, unanswered: a record that is not one billable event needs no owner.
2. owner, then the account's state at that instant: everything after depends on the account's zone and plan.
3. month: only what this run may bill goes on; the rest says why it waits. Late usage is told last of all, for
   what could not have been billed anyway keeps its own reason.
4. class before price: the category chooses the rule, the rule the deck, the deck the rate row.
5. minimum before increment: a short call is raised to the minimum, then to whole increments; of a rate with steps
   or bands, to the increments of each stretch (rating/call_price.py).
6. increments before allowance: the allowance is used up in the units that would be billed. It covers the beginning
   of a call; what is charged lies where it lies in the call, in its own step and band.
7. the connect fee falls on a call whose first unit is charged, so after the allowance.
8. amount last, as price x charged units, still undivided: the one rounding belongs to the printed line, unless the
   rate itself rounds or caps each call.
"""

from dataclasses import dataclass, field

import polars as pl

from rating.call_price import PARTS, price, units_used, walk, with_rates_of
from rating.classes import classify
from rating.deck_search import AGREED, Deck
from rating.decks import with_rates
from rating.draws import Pools, draw
from rating.match import PrefixTable
from rating.on_net import OnNet, on_net
from rating.outcomes import settle
from rating.owners import own
from rating.tariffs import Tariffs
from schemas.money import EXACT

NOT_ANSWERED = ["NO ANSWER", "NOANSWER", "BUSY", "FAILED", "CONGESTION", "CANCEL", "UNANSWERED", "MISSED"]
"""Dispositions that say nobody answered. Any other ending of a call with answered seconds is billed."""


@dataclass(frozen=True)
class RatingTables:
    """All that rating looks things up in; built once per run, the same for every bucket."""

    numbers: pl.DataFrame
    extensions: pl.DataFrame
    accounts: pl.DataFrame
    numbering_plan: PrefixTable
    domestic: pl.DataFrame
    rules: pl.DataFrame
    plan_rates: pl.DataFrame
    decks: dict[str, Deck]
    tariffs: Tariffs
    grants: pl.DataFrame
    pools: Pools
    billed_months: pl.DataFrame
    """account_id, usage_month: already on an issued document."""
    first_usage_month: str
    oldest_usage_month: str
    open_from_month: str
    agreed_rates: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=AGREED))
    """What accounts have agreed for prefixes: rating.deck_search.AGREED."""
    on_net: OnNet = field(default_factory=OnNet)


def rate_usage(usage: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """One row per record with its outcome: rated, suspended or excluded.

    usage: usage_id, variants (records of the same identity), kind, source, started_at (UTC), direction,
    from_number, to_number, duration_s, units (seconds or credits), disposition, stated_account_id, extension,
    device_id, source_file, source_line, and other_leg where a source writes both legs of a call and bills one. Rated
    rows carry RATE, the allowance and the exact amount_num / amount_den; those whose rate is not plain also `parts`,
    what the amount is the sum of, and those that could draw on several allowances `draws`.
    """
    return price_records(class_records(usage, tables), tables)


def class_records(usage: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """Steps 1 to 5: each record by itself, so usage may be cut anywhere."""
    records = usage.with_columns(
        outcome=pl.lit(None, pl.String), reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String)
    )
    records = settle(records, "suspended", "conflict", pl.col("variants") > 1)
    if "other_leg" in records.columns:
        records = settle(records, "excluded", "other_leg", pl.col("other_leg"))
    records = settle(records, "excluded", "unanswered", _unanswered())
    records = _admit(own(records, tables.numbers, tables.extensions, tables.accounts), tables)
    records = classify(records, tables.numbering_plan, tables.domestic)
    records = on_net(records, tables.numbers, tables.on_net)
    records = settle(records, "suspended", "no_plan", pl.col("plan").is_null())
    records = with_rates(records, tables.rules, tables.plan_rates, tables.decks, tables.agreed_rates)
    return _measured(_late(records, tables), tables.tariffs)


def price_records(records: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """Steps 6 to 8: the records of an account's month together, for they share its allowances."""
    on_their_way = pl.col("outcome").is_null()
    rated = _amounts(draw(records.filter(on_their_way), tables.grants, tables.pools), tables.tariffs)
    rated = rated.with_columns(outcome=pl.lit("rated"))
    return pl.concat([rated, records.filter(~on_their_way)], how="diagonal").sort("usage_id")


def repriced(records: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """Adds billable_units, charged_units, amount_num and amount_den at the rates that the records carry.

    records: RATE, units, included_units (what an allowance covered when they were billed), kind, started_at, time_zone.
    """
    measured = _measured(records, tariffs)
    over = pl.max_horizontal(pl.col("billable_units") - pl.col("included_units"), 0)
    return _amounts(measured.with_columns(charged_units=over), tariffs)


def _unanswered() -> pl.Expr:
    said_so = pl.col("disposition").str.to_uppercase().is_in(NOT_ANSWERED)
    return (pl.col("kind") == "voice") & ((pl.col("duration_s") == 0) | said_so.fill_null(False))


def _admit(records: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """The account's local date decides the usage month; what this run may not bill is settled here."""
    records = records.with_columns(local_date=_local_date(records)).with_columns(
        usage_month=pl.col("local_date").dt.strftime("%Y-%m")
    )
    month = pl.col("usage_month")
    for outcome, reason, when in (
        ("suspended", "unknown_account", pl.col("billing_from_at").is_null()),
        ("excluded", "before_billing_start", pl.col("started_at") < pl.col("billing_from_at")),
        ("suspended", "account_closed", pl.col("started_at") >= pl.col("closed_at")),
        ("excluded", "month_open", month >= tables.open_from_month),
        ("excluded", "before_first_invoice_month", month < tables.first_usage_month),
        ("suspended", "too_old", month < tables.oldest_usage_month),
    ):
        records = settle(records, outcome, reason, when)  # type: ignore[arg-type]
    return records


def _late(records: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """Usage that could be billed but for its month being issued; asked last, so that another reason is not hidden."""
    billed = records.select("account_id", "usage_month").join(
        tables.billed_months.with_columns(is_billed=pl.lit(True)),
        on=["account_id", "usage_month"],
        how="left",
        validate="m:1",
        maintain_order="left",
    )["is_billed"]
    return settle(records, "suspended", "late_usage", pl.lit(billed.fill_null(False)))


def _local_date(records: pl.DataFrame) -> pl.Series:
    """The civil date in each record's account zone, UTC where there is no account; one pass per zone."""
    zones = records["time_zone"].fill_null("UTC").unique().sort()
    local = pl.col("started_at").dt.date()
    for zone in zones:
        local = (
            pl.when(pl.col("time_zone") == zone)
            .then(pl.col("started_at").dt.convert_time_zone(zone).dt.date())
            .otherwise(local)
        )
    return records.select(local_date=local)["local_date"]


def _measured(records: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """billable_units: raised to the minimum, then up to whole increments. minimum_units: those due to the minimum."""
    # No credits, no minimum: an empty message costs nothing, as a call of no seconds.
    raised = pl.when(pl.col("units") > 0).then(pl.max_horizontal("units", "minimum")).otherwise(0)
    billable, answered = (-(-units // pl.col("increment")) * pl.col("increment") for units in (raised, pl.col("units")))
    records = records.with_columns(
        billable_units=billable,
        minimum_units=billable - answered,
        unit=pl.when(pl.col("kind") == "voice").then(pl.lit("second")).otherwise(pl.lit("credit")),
    )
    calls = _calls(records, tariffs)
    if calls.is_empty():
        return records
    return _filled(records, units_used(calls, walk(calls, tariffs)).rename({"units": "billable_units"}))


def _amounts(records: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """amount_num / amount_den, exact. The connect fee goes over the same denominator as the units."""
    first_unit_charged = (pl.col("included_units") == 0) & (pl.col("charged_units") > 0)
    fee = pl.when(first_unit_charged).then("connect_fee").otherwise(pl.lit(0).cast(EXACT))
    records = records.with_columns(fee_charged=fee, amount_den=pl.col("per")).with_columns(
        amount_num=(pl.col("price") * pl.col("charged_units") + pl.col("fee_charged") * pl.col("per")).cast(EXACT),
        parts=pl.lit(None, PARTS),
    )
    calls = _calls(records, tariffs, included="included_units")
    if calls.is_empty():
        return records
    return _filled(records, price(calls, walk(calls, tariffs), tariffs))


def _calls(records: pl.DataFrame, tariffs: Tariffs, **more: str) -> pl.DataFrame:
    """The records whose rate is not plain, as rating.call_price.CALL with what their rates say."""
    special = records.with_row_index("call").filter(~pl.col("is_plain"))
    calls = special.select("call", "rate_id", "units", "started_at", "time_zone", **more)
    return with_rates_of(calls, tariffs).with_columns(answered=pl.col("units") * pl.col("ticks"))


def _filled(records: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`records` with the columns of `found` put in their places, row by row of `call`."""
    names = [name for name in found.columns if name != "call"]
    joined = records.with_row_index("call").join(
        found, on="call", how="left", validate="1:1", maintain_order="left", suffix="_found"
    )
    return joined.with_columns(pl.coalesce(f"{name}_found", name).alias(name) for name in names).select(records.columns)
