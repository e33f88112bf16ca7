"""From the store's feeds to the frames that rating, taxes and invoicing take. Reads only."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from flows.books.books import Books
from flows.books.erased import erased_before
from flows.books.run import Run, draft_id
from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.addresses import misplaced, with_jurisdiction
from rating.allowances import granted
from rating.classes import placed
from rating.deck_search import RateBook, agreed_rates, rate_book
from rating.decks import plan_rates, rules, tariffs
from rating.devices import Devices, devices_over_time
from rating.draws import pools_of
from rating.intervals import intervals
from rating.on_net import on_net_of
from rating.owners import Owners
from rating.spans import all_spans
from rating.usage import RatingTables
from schemas.catalog import Catalog
from schemas.frames import either, parked_as
from schemas.money import minor_digits
from schemas.periods import add_months, local_midnight_utc, month_start, shift_month


@dataclass(frozen=True)
class MasterData:
    """Master data in force today, with its history.

    versions: a row per account version: every column of feed accounts, version_from, version_to (half-open),
    billing_start, served_until (null while the account goes on), jurisdiction.
    spans: rating.spans. parked: PARKED, the accounts whose own data cannot be right.
    """

    versions: pl.DataFrame
    spans: pl.DataFrame
    numbers: pl.DataFrame
    devices: pl.DataFrame
    locations: pl.DataFrame
    prices: pl.DataFrame
    charges: pl.DataFrame
    billed_until: pl.DataFrame
    parked: pl.DataFrame


def master_of(run: Run) -> MasterData:
    """Master data of the run's accounts: read once per command, so that every stage sees the same."""
    return run.books.once(_read_master)


def _read_master(books: Books) -> MasterData:
    return load_master(books.store, books.tables)


def load_master(store: Store, tables: Tables) -> MasterData:
    """Everything but usage, with the spans that drive the fees."""
    feeds = ("accounts", "locations", "numbers", "devices", "subscriptions", "prices", "charges", "billed_until")
    current = {feed: store.current(feed) for feed in feeds}
    versions, parked = _versions(with_jurisdiction(current["accounts"], tables.places))
    locations = with_jurisdiction(current["locations"], tables.places)
    numbers, devices, subscriptions = current["numbers"], current["devices"], current["subscriptions"]
    leaving = dict(
        versions.unique("account_id", keep="last", maintain_order=True)
        .filter(pl.col("end_date").is_not_null())
        .select("account_id", "end_date")
        .iter_rows()
    )
    spans = all_spans(devices, numbers, subscriptions, leaving, tables.catalog.products)
    versions = versions.join(_served_until(leaving, spans), on="account_id", how="left", maintain_order="left")
    misfits = [
        _unknown_products(current, tables),
        _unknown_decks(current["prices"], tables),
        _plan_misfits(versions, tables),
        _idle_prices(current["prices"], tables),
        misplaced(versions, locations, tables.places),
    ]
    return MasterData(
        versions=versions,
        spans=spans,
        numbers=numbers,
        devices=devices,
        locations=locations,
        prices=current["prices"],
        charges=current["charges"],
        billed_until=current["billed_until"],
        parked=pl.concat([parked, *misfits]).unique("account_id", keep="first", maintain_order=True),
    )


def _versions(accounts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Account rows as versions side by side, and the accounts whose free months and dates disagree (RULES 4)."""
    start = pl.col("effective_from").fill_null(date.min)
    ordered = accounts.with_columns(version_from=start).sort("account_id", "version_from")
    last = pl.col("billing_start_date").last().over("account_id")
    versions = ordered.with_columns(
        version_to=pl.col("version_from").shift(-1).over("account_id").fill_null(date.max),
        billing_start=last,
    )
    current = versions.unique("account_id", keep="last", maintain_order=True)
    promised = pl.col("service_start_date").dt.offset_by(pl.col("free_months").cast(pl.String) + "mo")
    disagree = current.filter(pl.col("free_months").is_not_null() & (promised != pl.col("billing_start_date")))
    parked = disagree.select(
        "account_id",
        **parked_as("free_months", pl.format(
            "billing_start_date {} is not service_start_date {} plus {} free months: correct one of the three",
            "billing_start_date", "service_start_date", "free_months",
        )),
    )  # fmt: skip
    return versions, parked


def _served_until(leaving: dict[str, date], spans: pl.DataFrame) -> pl.DataFrame:
    """First day after service: the month's end after the account's last day, or the end of a term that runs on."""
    month_ends = pl.DataFrame(
        [(account, add_months(day.replace(day=1), 1)) for account, day in leaving.items()],
        schema={"account_id": pl.String, "month_end": pl.Date},
        orient="row",
    )
    terms = spans.filter(pl.col("term_end").is_not_null()).group_by("account_id").agg(pl.col("end").max())
    return month_ends.join(terms, on="account_id", how="left").select(
        "account_id", served_until=pl.max_horizontal("month_end", "end")
    )


def _unknown_products(current: dict[str, pl.DataFrame], tables: Tables) -> pl.DataFrame:
    """Accounts with a product the catalogue does not know: parked, since nobody can say what they owe."""
    known = list(tables.catalog.products)
    found = "feed {} names product {}, which the catalogue does not know"
    frames = [
        current[feed]
        .filter(~pl.col("product_code").is_in(known))
        .select("account_id", **parked_as("unknown_product", pl.format(found, pl.lit(feed), "product_code")))
        for feed in ("subscriptions", "devices", "numbers", "charges")
    ]
    return pl.concat(frames).sort("account_id", "detail").unique("account_id", keep="first", maintain_order=True)


def _unknown_decks(prices: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Accounts with a price agreed in a deck that nobody declares: it would never be used, and nobody would know."""
    rows = prices.filter(pl.col("deck").is_not_null(), ~pl.col("deck").is_in(list(tables.decks)))
    detail = pl.format("feed prices names deck {}, which tollbook.toml does not declare", "deck")
    parked = rows.select("account_id", **parked_as("unknown_deck", detail))
    return parked.sort("account_id", "detail").unique("account_id", keep="first")


def _plan_misfits(versions: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Accounts on a plan nobody knows, or whose plan is in another currency: nothing is converted (RULES 9)."""
    currencies = {name: plan.currency for name, plan in tables.catalog.plans.items()}
    on_plan = versions.filter(pl.col("plan").is_not_null()).with_columns(
        plan_currency=pl.col("plan").replace_strict(currencies, default=None, return_dtype=pl.String)
    )
    unknown = pl.col("plan_currency").is_null()
    stranger = parked_as("unknown_plan", pl.format("plan {} is not in the catalogue", "plan"))
    told = pl.format("plan {} is in {}, the account in {}", "plan", "plan_currency", "currency")
    misfits = on_plan.filter(unknown | (pl.col("plan_currency") != pl.col("currency")))
    return misfits.select("account_id", **either(unknown, stranger, parked_as("plan_currency", told)))


def _idle_prices(prices: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Accounts with an agreed price that would price nothing: a product nobody knows, or one of usage lines."""
    products = tables.catalog.products
    priced = [code for code, product in products.items() if product.billed_from != "usage"]
    rows = prices.filter(pl.col("product_code").is_not_null() & ~pl.col("product_code").is_in(priced))
    detail = pl.format("feed prices agrees a price for {}, no product with a price of its own", "product_code")
    return rows.select("account_id", **parked_as("idle_price", detail))


def usage_months(settings: Settings, invoice_month: str, since: str | None = None) -> list[tuple[str, date, date]]:
    """(month, first day, first day after) of every usage month a run of `invoice_month` may still bill, or of those
    `since` one."""
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
    return RatingTables(
        owners=Owners(
            numbers=intervals(_placed_numbers(house, book), "number"),
            extensions=intervals(_extension_intervals(master), "account_id", "extension"),
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
        grants=granted(master.spans, master.versions, months, catalog),
        pools=pools_of(catalog, _devices(master, tables)),
        on_net=on_net_of(catalog, house.versions.select("account_id", "seller_id").unique("account_id", keep="last")),
        billed_before=_billed_before(store).clear() if never_late else _billed_before(store),
        first_usage_day=month_start(shift_month(settings.billing.first_invoice_month, -1)),
        oldest_usage_day=month_start(oldest),
        open_from_day=month_start(invoice_month),
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
    cache = {
        (day, zone): local_midnight_utc(day, zone)
        for day, zone in pl.DataFrame({"day": days, "zone": zones}).unique().iter_rows()
        if day is not None and date.min + timedelta(days=1) < day < date.max - timedelta(days=1)
    }
    instants = [cache.get(pair) for pair in zip(days, zones, strict=True)]
    return pl.Series("at", instants, dtype=pl.Datetime("us", "UTC"))


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
    zone_of = master.versions.unique("account_id", keep="last").select("account_id", "time_zone")
    rows = rows.join(zone_of, on="account_id", how="left", maintain_order="left").with_columns(
        pl.col("time_zone").fill_null("UTC")
    )
    day_after = rows.select(pl.col("active_to").dt.offset_by("1d"))["active_to"]
    return rows.with_columns(
        from_at=pl.coalesce("active_from_at", _midnights(rows["active_from"], rows["time_zone"])),
        to_at=pl.coalesce("active_to_at", _midnights(day_after, rows["time_zone"])).fill_null(_NEVER),
    )


def number_intervals(master: MasterData) -> pl.DataFrame:
    """Numbers with their owners over time: the day of a port belongs to the new owner (RULES 16)."""
    rows = _with_instants(master.numbers, master).sort("number", "from_at")
    following = pl.col("from_at").shift(-1).over("number")
    return rows.select(
        "number", "account_id", "number_type", "billing_group", "from_at",
        to_at=pl.min_horizontal("to_at", following),
    )  # fmt: skip


def _placed_numbers(master: MasterData, book: RateBook) -> pl.DataFrame:
    """Number intervals with the country and region that the numbering plan gives the number."""
    rows = number_intervals(master)
    return pl.concat(
        [rows, placed(rows["number"], book.cells).select(near_country="country", near_region="region")],
        how="horizontal",
    )


def _extension_intervals(master: MasterData) -> pl.DataFrame:
    """Extensions of devices and numbers; the billing group is that of the earliest (RULES 8)."""
    frames = [
        _with_instants(rows, master)
        .filter(pl.col("extension").is_not_null())
        .select("account_id", "extension", "billing_group", "from_at", "to_at")
        for rows in (master.devices, master.numbers)
    ]
    return pl.concat(frames).sort("account_id", "extension", "from_at", "to_at", "billing_group")


def _devices(master: MasterData, tables: Tables) -> Devices:
    """Which device is at which extension, and which extension a number rings, over time."""
    per_extension = [code for code, product in tables.catalog.products.items() if product.per == "extension"]
    named = pl.col("product_code").is_in(per_extension) & pl.col("extension").is_not_null()
    devices = _with_instants(master.devices, master).sort("device_id", "from_at")
    numbers = _with_instants(master.numbers, master).sort("number", "from_at")
    return devices_over_time(
        devices.select(
            "account_id", "device_id", "extension", "from_at",
            device=pl.when(named).then(pl.lit("ext:") + pl.col("extension")).otherwise("device_id"),
            is_low_usage=pl.col("is_low_usage").fill_null(False),
            to_at=pl.min_horizontal("to_at", pl.col("from_at").shift(-1).over("device_id")),
        ),
        numbers.select(
            "account_id", "number", "extension", "from_at",
            to_at=pl.min_horizontal("to_at", pl.col("from_at").shift(-1).over("number")),
        ).filter(pl.col("extension").is_not_null()),
    )  # fmt: skip


def _billed_before(store: Store) -> pl.DataFrame:
    """account_id, billed_before: usage of earlier days is on an issued document, or its month is closed by one."""
    last = store.sql("select account_id, max(invoice_month) as last from issued_documents group by account_id")
    return last.select("account_id", billed_before=pl.col("last").str.to_date("%Y-%m"))


def billed_to(master: MasterData, settings: Settings, month: str, issue_date: date) -> pl.DataFrame:
    """One row per account: its version on the issue date, with draft_id, minor_digits and the seller's country."""
    current = (
        master.versions.filter(
            (pl.col("version_from") <= issue_date)
            # An account that begins on the 2nd to the 5th has only what is yet to begin.
            | (pl.col("version_from") == pl.col("version_from").min().over("account_id"))
        )
        .unique("account_id", keep="last", maintain_order=True)
        .with_columns(draft_id=draft_id(month))
    )
    digits = {code: minor_digits(code) for code in current["currency"].unique()}
    sellers = settings.sellers
    return current.with_columns(
        minor_digits=pl.col("currency").replace_strict(digits, default=2, return_dtype=pl.Int64),
        seller_country=pl.col("seller_id").replace_strict(
            {name: seller.country for name, seller in sellers.items()}, default=None, return_dtype=pl.String
        ),
    )


def all_accounts(run: Run) -> list[str]:
    """Every account that is known."""
    return [account for (account,) in run.store.rows("select distinct account_id from feed_accounts")]
