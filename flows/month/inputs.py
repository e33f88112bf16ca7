"""From the store's feeds to the master data that every stage takes. Reads only."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from flows.books.books import Books
from flows.books.run import Run, draft_id
from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.addresses import misplaced_accounts, with_jurisdiction
from flows.month.stated import stated_resources
from rating.spans import all_spans
from rating.states import following
from schemas.frames import either, parked_as
from schemas.money import minor_digits
from schemas.periods import add_months


@dataclass(frozen=True)
class MasterData:
    """Master data in force today, with its history.

    versions: a row per account version: every column of feed accounts, version_from, version_to (half-open),
    billing_start, served_until (null while the account goes on), jurisdiction.
    spans: rating.spans. billed_until: flows.month.stated. parked: PARKED, the accounts whose own data cannot be right.
    """

    versions: pl.DataFrame
    spans: pl.DataFrame
    subscriptions: pl.DataFrame
    numbers: pl.DataFrame
    devices: pl.DataFrame
    locations: pl.DataFrame
    prices: pl.DataFrame
    charges: pl.DataFrame
    billed_until: pl.DataFrame
    suspensions: pl.DataFrame
    parked: pl.DataFrame


def master_of(run: Run) -> MasterData:
    """Master data of the run's accounts: read once per command, so that every stage sees the same."""
    return run.books.once(_read_master)


def _read_master(books: Books) -> MasterData:
    return load_master(books.store, books.tables)


def load_master(store: Store, tables: Tables) -> MasterData:
    """Everything but usage, with the spans that drive the fees."""
    feeds = (
        "accounts", "locations", "numbers", "devices", "subscriptions", "prices", "charges", "billed_until",
        "suspensions",
    )  # fmt: skip
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
    spans = all_spans(devices, numbers, subscriptions, leaving, tables.catalog.products, current["suspensions"])
    versions = versions.join(_served_until(leaving, spans), on="account_id", how="left", maintain_order="left")
    stated, strange = stated_resources(current["billed_until"], current, tables)
    misfits = [
        _unknown_products(current, tables),
        _unknown_decks(current["prices"], tables),
        _plan_misfits(versions, tables),
        _idle_prices(current["prices"], tables),
        misplaced_accounts(versions, locations, tables.places),
        strange,
    ]
    return MasterData(
        versions=versions,
        spans=spans,
        subscriptions=subscriptions,
        numbers=numbers,
        devices=devices,
        locations=locations,
        prices=current["prices"],
        charges=current["charges"],
        billed_until=stated,
        suspensions=current["suspensions"],
        parked=pl.concat([parked, *misfits]).unique("account_id", keep="first", maintain_order=True),
    )


def _versions(accounts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Account rows as versions side by side, and the accounts whose free months and dates disagree (RULES 4)."""
    start = pl.col("effective_from").fill_null(date.min)
    ordered = accounts.with_columns(version_from=start).sort("account_id", "version_from")
    last = pl.col("billing_start_date").last().over("account_id")
    versions = ordered.with_columns(
        version_to=following("version_from", "account_id").fill_null(date.max),
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
    products = list(tables.catalog.products)
    detail = "feed {} names product {}, which the catalogue does not know"
    frames = [
        current[feed]
        .filter(~pl.col("product_code").is_in(products))
        .select("account_id", **parked_as("unknown_product", pl.format(detail, pl.lit(feed), "product_code")))
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
    detail = pl.format("plan {} is in {}, the account in {}", "plan", "plan_currency", "currency")
    misfits = on_plan.filter(unknown | (pl.col("plan_currency") != pl.col("currency")))
    return misfits.select("account_id", **either(unknown, stranger, parked_as("plan_currency", detail)))


def _idle_prices(prices: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Accounts with an agreed price that would price nothing: a product nobody knows, or one of usage lines."""
    products = tables.catalog.products
    priced = [code for code, product in products.items() if product.billed_from != "usage"]
    rows = prices.filter(pl.col("product_code").is_not_null() & ~pl.col("product_code").is_in(priced))
    detail = pl.format("feed prices agrees a price for {}, no product with a price of its own", "product_code")
    return rows.select("account_id", **parked_as("idle_price", detail))


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
