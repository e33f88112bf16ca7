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
from datetime import date
from typing import Any

import polars as pl

from rating.call_price import PARTS, price, units_used, walk, with_rates_of
from rating.classes import classify
from rating.codes import coded
from rating.deck_search import Asked, RateBook
from rating.decks import with_rates
from rating.dispositions import is_cause, says_unanswered
from rating.draws import Pools
from rating.emergency import is_emergency, with_emergency
from rating.ends import far_numbers
from rating.intervals import Intervals, intervals
from rating.local_dates import local_dates
from rating.match import Dialled
from rating.on_net import OnNet, on_net
from rating.outcomes import UNSETTLED, settle
from rating.owners import Owners, as_internal, own
from rating.short_numbers import ShortNumbers
from rating.tariffs import Tariffs
from schemas.money import EXACT


def no_suspensions() -> Intervals:
    """Nobody's service is suspended."""
    instant = pl.Datetime("us", "UTC")
    texts: dict[str, Any] = dict.fromkeys(("account_id", "mode"), pl.String)
    return intervals(pl.DataFrame(schema={**texts, "from_at": instant, "to_at": instant}), "account_id", "mode")


@dataclass(frozen=True)
class RatingTables:
    """All that rating looks things up in; built once per run, the same for every record."""

    owners: Owners
    domestic: pl.DataFrame
    rules: pl.DataFrame
    book: RateBook
    tariffs: Tariffs
    grants: pl.DataFrame
    pools: Pools
    on_net: OnNet
    billed_before: pl.DataFrame
    """account_id, billed_before (Date): the first day that is not on an issued document."""
    first_usage_day: date
    oldest_usage_day: date
    open_from_day: date
    short: ShortNumbers = field(default_factory=ShortNumbers)
    suspended: Intervals = field(default_factory=no_suspensions)
    """account_id, mode: when the account's service was suspended."""
    erased_before: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"account_id": pl.String, "erased_before": pl.Date})
    )
    """account_id, erased_before (Date): the first day whose call detail was not erased."""


def class_records(usage: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """Steps 1 to 5: each record by itself, so usage may be cut anywhere.

    usage: usage_id, variants (records of the same identity), kind, started_at (UTC), direction, from_number,
    to_number, duration_s, units (seconds or credits; 0 of a part whose call another record carries), disposition,
    stated_account_id, extension, and other_leg where a source writes both legs of a call and bills one, is_erased where
    some have lost their numbers, has_stamp and is_cause where it is known whether a record says when it was answered
    and whether its disposition is why it ended, is_trusted where its source's word for the account is enough.

    Adds reason (null: on its way to a price) and detail, account_id, billing_group and the account's state,
    local_date, category, country, jurisdiction, rule and rate (places in tables.rules and tables.book.rows), and of
    those on their way unit, billable_units and minimum_units; texts but for detail as categories. Keeps the order of
    the rows.
    """
    # In one chunk, as the columns that are added are: else every step would put the two in line again.
    records = usage.rechunk().with_columns(pl.lit(None, dtype).alias(name) for name, dtype in UNSETTLED.items())
    if "is_erased" in records.columns:
        records = settle(records, "erased", pl.col("is_erased"))
    records = settle(records, "conflict", pl.col("variants") > 1)
    if "other_leg" in records.columns:
        records = settle(records, "other_leg", pl.col("other_leg"))
    records = settle(records, "unanswered", _unanswered(records))
    records = as_internal(own(records, tables.owners), tables.owners.extensions)
    records = _admit(records, tables)
    far = Dialled.of(far_numbers(records))
    located = tables.book.cells.located(far)
    records = with_emergency(records, tables.rules)
    records = classify(records, far, located, tables.book.cells, tables.domestic, tables.short)
    records = on_net(records, tables.owners.numbers, tables.on_net)
    records = settle(records, "no_plan", pl.col("plan").is_null())
    asked = Asked(far, located, records["local_date"], records["jurisdiction"])
    records = _late(with_rates(records, asked, tables.rules, tables.book), tables)
    return _measured(_rated_by(records, tables, *_SIZES), tables.tariffs)


def price_records(records: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """Step 8, each record by itself again: adds the rate's columns, fee_charged, amount_num / amount_den and parts.

    records: as `class_records` leaves those on their way, with included_units and charged_units (rating.allowances).
    Those whose rate is not plain have `parts`, what the amount is the sum of.
    """
    return _amounts(_rated_by(records, tables, *_PRICES), tables.tariffs)


def repriced(records: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """Adds billable_units, charged_units, amount_num and amount_den at the rates that the records carry.

    records: RATE, units, included_units (what an allowance covered when they were billed), kind, started_at, time_zone.
    """
    measured = _measured(records, tariffs)
    over = pl.max_horizontal(pl.col("billable_units") - pl.col("included_units"), 0)
    return _amounts(measured.with_columns(charged_units=over), tariffs)


_SIZES = ("increment", "minimum", "is_plain")
_PRICES = ("price", "per", "connect_fee", "is_plain")


def _rated_by(records: pl.DataFrame, tables: RatingTables, *columns: str) -> pl.DataFrame:
    """Adds columns of the rate row that each record names, and rate_id where some of them are not plain."""
    rows, rate = tables.book.rows, records["rate"]
    rated = records.with_columns(rows.select(pl.col(columns).gather(rate)).get_columns())
    return rated if rated["is_plain"].all() else rated.with_columns(rows["rate_id"].gather(rate))


def _unanswered(records: pl.DataFrame) -> pl.Expr:
    """Zero seconds, or a disposition that says so. Why a call failed says so where no answer stamp says otherwise, and
    where a switch writes nothing but causes, whatever word it is."""
    if records["disposition"].null_count() == records.height:
        return (pl.col("kind") == "voice") & (pl.col("duration_s") == 0)
    words = records["disposition"].unique().drop_nulls().to_frame("word").select(
        "word", says_no=says_unanswered(pl.col("word")), is_cause=is_cause(pl.col("word"))
    )  # fmt: skip
    says_no, cause = (
        pl.col("disposition").is_in(words.filter(flag)["word"].implode()).fill_null(False)
        for flag in ("says_no", "is_cause")
    )
    stamped = pl.col("has_stamp") if "has_stamp" in records.columns else pl.lit(False)
    only_causes = pl.col("is_cause") if "is_cause" in records.columns else pl.lit(False)
    said_so = (says_no & ~(stamped & only_causes)) | (cause & ~stamped)
    return (pl.col("kind") == "voice") & ((pl.col("duration_s") == 0) | said_so)


def _admit(records: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """The account's local date decides the usage month; what this run may not bill is settled here."""
    records = records.with_columns(local_date=local_dates(records["started_at"], records["time_zone"]))
    day = pl.col("local_date")
    # A month is rated whole, and of an erased one the other records cannot be rated.
    erased = _day_of(records, tables.erased_before)
    for reason, when in (
        ("unknown_account", pl.col("billing_from_at").is_null()),
        ("before_billing_start", pl.col("started_at") < pl.col("billing_from_at")),
        ("account_closed", pl.col("started_at") >= pl.col("closed_at")),
        ("service_suspended", pl.lit(_suspended(records, tables.suspended))),
        ("month_open", day >= tables.open_from_day),
        ("before_first_invoice_month", day < tables.first_usage_day),
        ("detail_erased", day < erased),
        ("too_old", day < tables.oldest_usage_day),
    ):
        records = settle(records, reason, when)
    return records


def _suspended(records: pl.DataFrame, suspended: Intervals) -> pl.Series:
    """Whether the account's service was suspended when the record began: all of it, or what goes out but for calls to
    the emergency services (RULES 35)."""
    if suspended.rows.is_empty():
        return pl.repeat(value=False, n=records.height, dtype=pl.Boolean, eager=True)
    # By mode, for a barring that never ended does not hide that all of it was suspended later.
    full, barred = (
        suspended.at(
            records.select(pl.col("account_id").cast(pl.String), mode=pl.lit(mode)), records["started_at"]
        ).is_not_null()
        for mode in ("full", "outbound_barred")
    )
    barred &= (records["direction"].cast(pl.String) == "outbound").fill_null(value=False)
    if barred.any():
        barred &= ~is_emergency(records)
    return full | barred


def _late(records: pl.DataFrame, tables: RatingTables) -> pl.DataFrame:
    """Usage that could be billed but for its month being issued; asked last, so that another reason is not hidden."""
    if tables.billed_before.is_empty():
        return records
    billed = _day_of(records, tables.billed_before)
    return settle(records, "late_usage", pl.col("local_date") < billed)


def _day_of(records: pl.DataFrame, days: pl.DataFrame) -> pl.Series:
    """The day that `days` (account_id, day) has for each record's account; null where it has none."""
    if days.is_empty():
        return pl.repeat(None, records.height, dtype=pl.Date, eager=True)
    rows = coded(days.rename({days.columns[1]: "day"}))
    return records.select("account_id").join(rows, on="account_id", how="left", validate="m:1", maintain_order="left")[
        "day"
    ]


def _measured(records: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """billable_units: raised to the minimum, then up to whole increments. minimum_units: those due to the minimum."""
    # No credits, no minimum: an empty message costs nothing, as a call of no seconds.
    raised = pl.when(pl.col("units") > 0).then(pl.max_horizontal("units", "minimum")).otherwise(0)
    billable, answered = (-(-units // pl.col("increment")) * pl.col("increment") for units in (raised, pl.col("units")))
    records = records.with_columns(
        billable_units=billable,
        minimum_units=billable - answered,
        unit=pl.when(pl.col("kind") == "voice")
        .then(pl.lit("second", pl.Categorical))
        .otherwise(pl.lit("credit", pl.Categorical)),
    )
    if records["is_plain"].all():
        return records
    calls = _calls(records, tariffs)
    return _filled(records, units_used(calls, walk(calls, tariffs)).rename({"units": "billable_units"}))


def _amounts(records: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """amount_num / amount_den, exact. The connect fee goes over the same denominator as the units."""
    first_unit_charged = (pl.col("included_units") == 0) & (pl.col("charged_units") > 0)
    fee = pl.when(first_unit_charged).then("connect_fee").otherwise(pl.lit(0).cast(EXACT))
    records = records.with_columns(fee_charged=fee, amount_den=pl.col("per")).with_columns(
        amount_num=(pl.col("price") * pl.col("charged_units") + pl.col("fee_charged") * pl.col("per")).cast(EXACT),
        parts=pl.lit(None, PARTS),
    )
    if records["is_plain"].all():
        return records
    calls = _calls(records, tariffs, included="included_units")
    return _filled(records, price(calls, walk(calls, tariffs), tariffs))


def _calls(records: pl.DataFrame, tariffs: Tariffs, **more: str) -> pl.DataFrame:
    """The records whose rate is not plain, as rating.call_price.CALL with what their rates say."""
    special = records.with_row_index("call").filter(~pl.col("is_plain"))
    calls = special.select("call", "rate_id", "units", "started_at", pl.col("time_zone").cast(pl.String), **more)
    return with_rates_of(calls, tariffs).with_columns(answered=pl.col("units") * pl.col("ticks"))


def _filled(records: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`records` with the columns of `found` put in their places, row by row of `call`."""
    names = [name for name in found.columns if name != "call"]
    joined = records.with_row_index("call").join(
        found, on="call", how="left", validate="1:1", maintain_order="left", suffix="_found"
    )
    return joined.with_columns(pl.coalesce(f"{name}_found", name).alias(name) for name in names).select(records.columns)
