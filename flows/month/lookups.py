"""What rating looks things up in: owners, devices, rates, grants and allowances over time, made of the master data."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from flows.books.erased import erased_before
from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.inputs import MasterData, load_master
from flows.month.short_numbers import short_numbers_of
from rating.allowances import grant_allowances
from rating.classes import place_numbers
from rating.deck_search import RateBook, agreed_rates, rate_book
from rating.decks import plan_rates, rules, tariffs
from rating.devices import Devices, devices_over_time
from rating.draws import pools_of
from rating.intervals import Intervals, intervals
from rating.on_net import on_net_of
from rating.owners import Owners
from rating.states import following
from rating.usage import RatingTables
from schemas.catalog import Catalog
from schemas.periods import add_months, local_midnight_utc, month_start, shift_month


def usage_months(settings: Settings, invoice_month: str, since: str | None = None) -> list[tuple[str, date, date]]:
    """(month, first day, first day after) of every usage month that a run of `invoice_month` may still bill; `since`:
    from that month on instead."""
    first = max(
        shift_month(settings.billing.first_invoice_month, -1),
        since or shift_month(invoice_month, -1 - settings.billing.lookback_months),
    )
    months = []
    while first < invoice_month:
        start = month_start(first)
        months.append((first, start, add_months(start, 1)))
        first = shift_month(first, 1)
    return months


def rating_tables(
    store: Store, settings: Settings, invoice_month: str, master: MasterData, tables: Tables, *,
    never_late: bool = False, since: str | None = None,
) -> RatingTables:  # fmt: skip
    """All that rating looks things up in. `never_late`: for months that are issued and are rated anew. `since`: the
    first usage month, where that is older than the months a run looks back."""
    months = usage_months(settings, invoice_month, since)
    catalog = tables.catalog
    agreed = agreed_rates(master.prices, tables.decks)
    book = rate_book(plan_rates(catalog), tables.decks, agreed, tables.numbering_plan)
    oldest = months[0][0] if months else shift_month(invoice_month, -1)
    house = _house(store, catalog, master, tables)
    # Of numbers that never had an extension there is nothing to look up.
    extended = master.numbers.filter(pl.col("extension").is_not_null()).select("number").unique()
    ringing = master.numbers.join(extended, on="number", how="semi", maintain_order="left")
    devices, numbers = _states(master.devices, "device_id", master), _states(ringing, "number", master)
    return RatingTables(
        owners=Owners(
            numbers=intervals(_placed_numbers(house, book), "number"),
            extensions=intervals(_extension_intervals(devices, numbers), "account_id", "extension", first="since"),
            accounts=intervals(_account_intervals(master), "account_id"),
        ),
        domestic=pl.DataFrame(
            [(name, country, True) for name, plan in catalog.plans.items() for country in plan.domestic],
            schema={"plan": pl.String, "country": pl.String, "is_domestic": pl.Boolean},
            orient="row",
        ),
        rules=rules(catalog),
        book=book,
        tariffs=tariffs(catalog, tables.decks, agreed),
        grants=grant_allowances(master.spans, master.versions, months, catalog),
        pools=pools_of(catalog, _devices(devices, numbers, tables)),
        on_net=on_net_of(catalog, house.versions.select("account_id", "seller_id").unique("account_id", keep="last")),
        billed_before=billed_before(store).clear() if never_late else billed_before(store),
        first_usage_day=month_start(shift_month(settings.billing.first_invoice_month, -1)),
        oldest_usage_day=month_start(oldest),
        open_from_day=month_start(invoice_month),
        short=short_numbers_of(catalog, tables.decks, tables.numbering_plan),
        suspended=_suspended(master),
        erased_before=erased_before(store),
    )


def _house(store: Store, catalog: Catalog, master: MasterData, tables: Tables) -> MasterData:
    """Whose numbers are looked up: the asked accounts', or everybody's where a plan prices calls that stay on net."""
    if store.scope.accounts is None or not any("on_net" in plan.usage for plan in catalog.plans.values()):
        return master
    with store.everybody():
        return load_master(store, tables)


def _midnights(days: pl.Series, zones: pl.Series) -> pl.Series:
    """The instants at which civil days begin in their zones; null stays null. One look-up per distinct pair."""
    asked = pl.DataFrame({"day": days, "zone": zones})
    pairs = [
        (day, zone, local_midnight_utc(day, zone))
        for day, zone in asked.unique().iter_rows()
        if day is not None and date.min + timedelta(days=1) < day < date.max - timedelta(days=1)
    ]
    schema: dict[str, Any] = {"day": pl.Date, "zone": pl.String, "at": pl.Datetime("us", "UTC")}
    known = pl.DataFrame(pairs, schema=schema, orient="row")
    return asked.join(known, on=["day", "zone"], how="left", validate="m:1", maintain_order="left")["at"]


_ALWAYS = pl.lit(date(1900, 1, 1)).cast(pl.Datetime("us", "UTC"))


_NEVER = pl.lit(date(9999, 1, 1)).cast(pl.Datetime("us", "UTC"))


def _account_intervals(master: MasterData) -> pl.DataFrame:
    versions = master.versions
    zones = versions["time_zone"]
    return versions.select(
        "account_id",
        "plan",
        "currency",
        "time_zone",
        account_country="country",
        account_region="region",
        from_at=_midnights(versions["version_from"], zones),
        to_at=_midnights(versions["version_to"], zones),
        billing_from_at=_midnights(versions["billing_start"], zones),
        closed_at=_midnights(versions["served_until"], zones),
    ).with_columns(
        pl.col("from_at").fill_null(_ALWAYS), pl.col("to_at").fill_null(_NEVER), pl.col("closed_at").fill_null(_NEVER)
    )


def _with_instants(rows: pl.DataFrame, master: MasterData) -> pl.DataFrame:
    """from_at and to_at of inventory rows: the instant given, else midnight of the day in the account's zone."""
    zone_of = _zones(rows, master)
    rows = rows.join(zone_of, on="account_id", how="left", maintain_order="left").with_columns(
        pl.col("time_zone").fill_null("UTC")
    )
    day_after = rows.select(pl.col("active_to").dt.offset_by("1d"))["active_to"]
    return rows.with_columns(
        from_at=pl.coalesce("active_from_at", _midnights(rows["active_from"], rows["time_zone"])),
        to_at=pl.coalesce("active_to_at", _midnights(day_after, rows["time_zone"])).fill_null(_NEVER),
    )


def _zones(rows: pl.DataFrame, master: MasterData) -> pl.DataFrame:
    """account_id, time_zone: the last of each account; of none where there are no rows to be asked for."""
    versions = master.versions if rows.height else master.versions.clear()
    return versions.unique("account_id", keep="last").select("account_id", "time_zone")


def number_intervals(master: MasterData) -> pl.DataFrame:
    """Numbers with their owners over time: the day of a port belongs to the new owner (RULES 16)."""
    rows = _with_instants(master.numbers, master).sort("number", "from_at")
    return rows.select(
        "number", "account_id", "number_type", "billing_group", "from_at",
        to_at=pl.min_horizontal("to_at", following("from_at", "number")),
    )  # fmt: skip


def _placed_numbers(master: MasterData, book: RateBook) -> pl.DataFrame:
    """Number intervals with the country and region that the numbering plan gives the number."""
    rows = number_intervals(master)
    return pl.concat(
        [rows, place_numbers(rows["number"], book.cells).select(near_country="country", near_region="region")],
        how="horizontal",
    )


def _states(rows: pl.DataFrame, key: str, master: MasterData) -> pl.DataFrame:
    """Inventory rows as states side by side: each ends where the next one of its id begins. Adds `since`: from when on
    the resource has been at that extension without a break, whatever else of it changed (RULES 3, 8)."""
    rows = _with_instants(rows, master).sort(key, "from_at")
    rows = rows.with_columns(to_at=pl.min_horizontal("to_at", following("from_at", key)))
    stay = ["account_id", "extension", key]
    returns = (pl.col("from_at") > pl.col("to_at").shift(1).over(stay)).fill_null(value=True)
    rows = rows.with_columns(_time=returns.cum_sum().over(stay))
    return rows.with_columns(since=pl.col("from_at").min().over(*stay, "_time")).drop("_time")


def _extension_intervals(devices: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Extensions of devices and numbers (`_states`); the billing group is that of the earliest, as it is then (RULES 3,
    8)."""
    frames = [
        states.filter(pl.col("extension").is_not_null()).select(
            "account_id", "extension", "billing_group", "from_at", "to_at", "since"
        )
        for states in (devices, numbers)
    ]
    return pl.concat(frames).sort("account_id", "extension", "since", "from_at", "to_at", "billing_group")


def _suspended(master: MasterData) -> Intervals:
    """When whose service was suspended: whole days in the account's zone."""
    zone_of = _zones(master.suspensions, master)
    rows = master.suspensions.join(zone_of, on="account_id", validate="m:1", maintain_order="left")
    day_after = rows.select(pl.col("valid_to").dt.offset_by("1d"))["valid_to"]
    times = rows.select(
        "account_id", "mode", from_at=_midnights(rows["valid_from"], rows["time_zone"]),
        to_at=_midnights(day_after, rows["time_zone"]),
    ).with_columns(pl.col("to_at").fill_null(_NEVER))  # fmt: skip
    return intervals(times, "account_id", "mode")


def _devices(devices: pl.DataFrame, numbers: pl.DataFrame, tables: Tables) -> Devices:
    """Which device is at which extension, and which extension a number rings, over time (`_states`)."""
    per_extension = [code for code, product in tables.catalog.products.items() if product.per == "extension"]
    named = pl.col("product_code").is_in(per_extension) & pl.col("extension").is_not_null()
    return devices_over_time(
        devices.select(
            "account_id", "device_id", "extension", "from_at", "to_at", "since",
            device=pl.when(named).then(pl.lit("ext:") + pl.col("extension")).otherwise("device_id"),
            is_low_usage=pl.col("is_low_usage").fill_null(False),
        ),
        numbers.select("account_id", "number", "extension", "from_at", "to_at").filter(
            pl.col("extension").is_not_null()
        ),
    )  # fmt: skip


def billed_before(store: Store) -> pl.DataFrame:
    """account_id, billed_before: usage of earlier days is on an issued document, or its month is closed by one."""
    last = store.sql("select account_id, max(invoice_month) as last from issued_documents group by account_id")
    return last.select("account_id", billed_before=pl.col("last").str.to_date("%Y-%m"))
