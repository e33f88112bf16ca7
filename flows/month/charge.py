"""Stage charge: what is owed minus what issued documents hold (RULES 7), and who is parked for want of a price."""

from dataclasses import replace
from datetime import date

import polars as pl

from flows.books.holds import held_rows
from flows.books.run import Run
from flows.books.standing import ROOTS
from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.corrected_parts import CorrectedParts, corrected_parts, last_issued, replaced_by
from flows.month.earlier import Window, billed_earlier, currencies_of, gaps, priced_as_owed, window_of
from flows.month.inputs import MasterData, all_accounts, master_of
from flows.month.isolate import Accounts, parking
from flows.month.lookups import usage_months
from flows.month.plans import plan_findings
from flows.month.usage_owed import UsageContext, usage_owed
from rating.charges import TAXED_AS, one_time_charges, recurring_charges
from rating.discounts import in_order, with_discounts
from rating.owed import KEY, STATE, cut_alike, difference, horizons, parts_owed
from rating.prices import is_listed
from schemas.frames import CHARGES, FINDINGS, checked, empty, noticed_as, parked_as
from schemas.money import EXACT
from schemas.periods import add_months, month_of, month_start
from schemas.product import Product


def charge(run: Run) -> dict[str, int]:
    """Charges every account; one that cannot be charged is parked, and the others go on (flows.month.isolate)."""
    return parking(run, "charging", lambda: all_accounts(run), lambda accounts: charge_accounts(run, accounts))


def charge_accounts(run: Run, accounts_of: Accounts) -> dict[str, int]:
    """Leaves charges.parquet, components/*.parquet, parked.parquet and findings.parquet in the work folder."""
    store, settings, tables = run.store, run.settings, run.tables
    products = tables.catalog.products
    master = accounts_of.of(master_of(run))
    window = window_of(settings, run.request.month_first)
    issued = accounts_of.rows(_issued_parts(store, window.first))
    held = accounts_of.rows(held_rows(store))
    replaced = replaced_by(store, run)
    charged = _issued_charges(store, replaced)
    # Most months credit nothing by name, and then nobody follows what stands in whose place.
    names_any = master.charges["invoice_number"].is_not_null().any()
    credited = store.sql(_CREDITED if names_any else f"{_CREDITED} where false")
    strangers = pl.concat([_strangers(store), _look_alikes(master)]) if replaced is None else empty(FINDINGS)
    last_months = last_issued(store)
    discounts = in_order(store.current("discounts"))
    accounts = horizons(
        master.versions.unique("account_id", keep="last", maintain_order=True),
        window.month_first,
        settings.billing.first_invoice_cutoff_day,
    )
    priced, unpriced = _priced_parts(master, tables, accounts, window)
    earlier = billed_earlier(master, tables, settings, window, accounts, discounts)
    issued = pl.concat([issued, earlier], how="diagonal").filter(pl.col("cycle_end") > window.first)
    if replaced is None:
        parts, older = _to_charge(priced, issued, window)
    else:
        owed = [priced, *_priced_later(master, tables, settings, window, last_months)]
        corrected = corrected_parts(owed, issued, replaced, run.request.invoice_month, last_months)
        parts, older = _to_charge(priced, corrected.before, window, corrected)
    single, misfits, aged = _one_time(master, accounts, charged, credited, window)
    bounds = {month: (start, end) for month, start, end in usage_months(settings, run.request.invoice_month)}
    locales = master.versions.select("account_id", "locale").unique("account_id", keep="last", maintain_order=True)
    context = UsageContext(run, products, currencies_of(master), locales, bounds, accounts_of)
    usage, unpriceable = usage_owed(context, replaced)
    # Of several reasons the first is told: set aside by hand, then data that cannot be right, then missing prices.
    parked = pl.concat([held, master.parked, unpriced, misfits, unpriceable, _without_product(parts, products)])
    parked = parked.unique("account_id", keep="first", maintain_order=True)
    parts, single = (rows.join(parked, on="account_id", how="anti") for rows in (parts, single))
    charges = pl.concat([recurring_charges(parts, products), one_time_charges(single, products), usage])
    # Discounts last: what is owed is compared with what was issued at list prices, so that none bills a month anew.
    charges = with_discounts(charges, discounts, products)
    checked(charges, CHARGES).write_parquet(run.work / "charges.parquet")
    parked.write_parquet(run.work / "parked.parquet")
    own = plan_findings(master, tables, window.month_first)
    findings = pl.concat([older, aged, strangers, own, *([] if replaced else [gaps(master, window)])])
    findings.write_parquet(run.work / "findings.parquet")
    return {"charges": charges.height, "parked": parked.height, "findings": findings.height}


def _without_product(parts: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Accounts with something to give back for a product that has left the catalogue."""
    detail = pl.format("product {} was billed and is no longer in the catalogue", "product_code")
    gone = parts.filter(~pl.col("product_code").is_in(list(products)))
    return gone.select("account_id", **parked_as("product_gone", detail))


def _look_alikes(master: MasterData) -> pl.DataFrame:
    """Accounts whose id another one has too but for its case and the like: one customer, entered twice?"""
    ids = master.versions.select("account_id").unique()
    alike = pl.col("account_id").str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", "")
    pairs = ids.with_columns(alike=alike, first=pl.col("account_id").min().over(alike))
    detail = pl.format("its id looks like that of account {}: one customer, entered twice?", "first")
    return pairs.filter(pl.col("account_id") != pl.col("first")).select(
        "account_id", **noticed_as("near_equal_id", detail)
    )


def _strangers(store: Store) -> pl.DataFrame:
    """Master data of accounts that feed accounts does not know: it is billed to nobody, so somebody has to look."""
    feeds = (
        "subscriptions",
        "devices",
        "numbers",
        "charges",
        "prices",
        "locations",
        "certificates",
        "payments",
        "billed_until",
        "suspensions",
    )
    query = " union all ".join(
        f"select account_id, '{feed}' as feed, count(*) as records from feed_{feed} "
        "where account_id not in (select account_id from feed_accounts) group by account_id"
        for feed in feeds
    )
    detail = pl.format("{} has {} records of this account, which feed accounts does not know", "feed", "records")
    return store.sql(f"{query} order by account_id, feed").select("account_id", **noticed_as("unknown_account", detail))


def _priced_parts(
    master: MasterData, tables: Tables, accounts: pl.DataFrame, window: Window
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is owed with its price, and the accounts for which some price is missing."""
    owed = parts_owed(master.spans, accounts, window.first, window.end, tables.catalog.products)
    priced, unpriceable = priced_as_owed(owed, master, tables)
    missing = (
        priced.filter(pl.col("unit_price").is_null()).sort(*KEY).unique("account_id", keep="first", maintain_order=True)
    )
    plain = pl.format("no price in {} for product {} on {}", "currency", "product_code", "priced_on")
    other = pl.format(
        "no price in {} for product {} by {} on {}: its prices are for another interval",
        "currency", "product_code", "interval", "priced_on",
    )  # fmt: skip
    parked = missing.join(currencies_of(master), on="account_id", how="left").select(
        "account_id",
        **parked_as("no_price", pl.when(is_listed(tables.catalog.products)).then(plain).otherwise(other)),
    )
    return priced.filter(pl.col("unit_price").is_not_null()), pl.concat([parked, unpriceable])


def _priced_later(
    master: MasterData, tables: Tables, settings: Settings, window: Window, last_months: pl.DataFrame
) -> list[pl.DataFrame]:
    """What is owed up to the last month that is issued, for accounts that have documents after the window's month."""
    versions = master.versions.unique("account_id", keep="last", maintain_order=True)
    # Later invoices billed changes to this month as well: what all documents lack is asked as of the last of them.
    is_later = pl.col("last") > month_of(window.month_first)
    later = last_months.filter(is_later, pl.col("account_id").is_in(versions["account_id"].implode()))
    owed = []
    for (month,), accounts in later.group_by("last", maintain_order=True):
        first = month_start(str(month))
        their_versions = versions.join(accounts, on="account_id", how="semi")
        asked = horizons(their_versions, first, settings.billing.first_invoice_cutoff_day)
        wider = replace(window, month_first=first, end=add_months(first, 1))
        owed.append(_priced_parts(master, tables, asked, wider)[0])
    return owed


def _issued_parts(store: Store, first: date) -> pl.DataFrame:
    """Recurring charges that documents hold of what ends after `first`, as parts; with how they were taxed. Of the
    store's scope."""
    return store.sql(
        """
        select c.account_id, c.resource_kind || 's' as feed, c.resource_id, c.product_code, c.cycle_start, c.cycle_end,
               c.unit_price, c.priced_units, c.price_model, c.part_start, c.part_end, c.quantity, c.billing_group,
               c.location_id, coalesce(o.taxed_on, d.issue_date) as tax_date, c.jurisdiction, c.tax_class,
               c.telecom_percent, c.interstate, c.access_lines, c.measured_share, d.invoice_number as reverses,
               d.invoice_number, d.invoice_month
        from charges c join standing_documents d on d.run_id = c.run_id and d.draft_id = c.draft_id
        join documents o on o.run_id = d.run_id and o.draft_id = d.draft_id
        where c.charge_type in ('recurring', 'proration') and ($1 is null or list_contains($1, c.account_id))
            and c.cycle_end > $2
        order by all""",
        [list(store.scope.accounts) if store.scope.accounts is not None else None, first],
    )


def _issued_charges(store: Store, replaced: list[str] | None) -> pl.DataFrame:
    """What issued documents hold of each charge of feed `charges`, without the `replaced` ones (numbers): charge_key,
    already."""
    return store.sql(
        """
        select c.charge_key, sum(c.amount_num) as already
        from charges c join standing_documents d on d.run_id = c.run_id and d.draft_id = c.draft_id
        where c.resource_kind = 'charge' and not list_contains($1, d.invoice_number) group by c.charge_key""",
        [replaced or []],
    )


def _to_charge(
    priced: pl.DataFrame, issued: pl.DataFrame, window: Window, corrected: CorrectedParts | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The difference with what its printed line needs; parts older than the window go to the review instead."""
    parts = cut_alike(corrected.parts if corrected else difference(priced, issued))
    owed_and_issued = pl.concat([priced, corrected.known if corrected else issued], how="diagonal")
    group = owed_and_issued.group_by(KEY).agg(discount_on=pl.col("part_start").min())
    # A part to give back may be of a state that is owed no longer: its model is known from what was issued of it.
    state = [*KEY, *STATE]
    models = (
        owed_and_issued.group_by(state)
        .agg(pl.col("price_model", "priced_on").drop_nulls().first())
        .with_columns(pl.col("priced_on").fill_null(pl.col("cycle_start")))
    )
    parts = parts.join(models, on=state, how="left", nulls_equal=True, validate="m:1")
    held = issued.select(KEY).unique().with_columns(is_first=pl.lit(False))
    # Ours alone: what an earlier system billed of the same charge stands on no document that could be given back.
    ours = issued.filter(pl.col("reverses").is_not_null()).group_by(state)
    taxed = ours.agg(
        *(pl.col(name).last() for name in TAXED_AS),
        ours_from=pl.col("part_start").min(),
        ours_to=pl.col("part_end").max(),
    )
    facts = parts.join(group, on=KEY, how="left", validate="m:1").join(held, on=KEY, how="left", validate="m:1")
    gives_back = (pl.col("quantity") < 0) & (pl.col("part_start") < pl.col("ours_to"))
    gives_back &= pl.col("part_end") > pl.col("ours_from")
    facts = facts.join(taxed, on=state, how="left", nulls_equal=True, validate="m:1").with_columns(
        pl.col("is_first").fill_null(True),
        # What reverses an issued charge is taxed as that was (RULES 20); what is added is taxed as of today.
        *(pl.when(gives_back).then(name).alias(name) for name in TAXED_AS),
    )
    old = pl.col("part_end") <= window.start
    findings = facts.filter(old).select(
        "account_id",
        **noticed_as("older_difference", pl.format(
            "{} {} {}: {} x {} for {} to {} lies before the months a run looks back",
            "feed", "resource_id", "product_code", "quantity", "unit_price", "part_start", "part_end",
        )),
    )  # fmt: skip
    return facts.filter(~old), findings.cast(FINDINGS)


_CREDITED = f"""
    with recursive {ROOTS},
    places as (
        select r.root, arg_max(s.invoice_number, (s.issued_at, s.series, s.sequence)) as number
        from roots r join standing_documents s using (invoice_number)
        where s.goes_with = s.invoice_number group by r.root)
    select r.invoice_number, i.account_id, o.currency as invoice_currency, i.invoice_number as credited,
        coalesce(o.taxed_on, i.issue_date) as tax_date
    from roots r left join places p using (root)
    join issued_documents i on i.invoice_number = coalesce(p.number, r.invoice_number)
    join documents o on o.run_id = i.run_id and o.draft_id = i.draft_id"""
"""Every issued document, and the one that stands in its place: what a credit that names it gives back."""


def _one_time(
    master: MasterData, accounts: pl.DataFrame, charged: pl.DataFrame, credited: pl.DataFrame, window: Window
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Feed `charges` due on this invoice, and what changed of those billed; accounts with one in another currency, or
    with a credit that names no invoice of theirs (RULES 24); those too old to bill. A credit that names a document is
    taxed as of that document's date (RULES 20); a fee that names one is taxed as of today."""
    currency = master.versions.select("account_id", account_currency="currency").unique("account_id", keep="last")
    key = pl.concat_str(["account_id", pl.lit("charges"), "charge_id"], separator="|")
    value = pl.coalesce("amount", pl.col("unit_price") * pl.col("quantity").fill_null(1))
    owed = pl.when(pl.col("kind") == "credit").then(-value.abs()).otherwise(value)
    due = (
        master.charges.join(accounts, on="account_id")
        .join(currency, on="account_id")
        .filter(pl.col("charge_date") <= pl.col("horizon"))
        .with_columns(charge_key=key)
        .join(charged, on="charge_key", how="left", validate="1:1")
        .with_columns(pl.col("already").fill_null(0).cast(EXACT), is_new=pl.col("already").is_null())
        .filter(pl.col("is_new") | (owed != pl.col("already")))
        .with_columns(gives_back=(pl.col("kind") == "credit") | (owed < 0))
        .join(credited, on=["invoice_number", "account_id"], how="left", validate="m:1")
        .with_columns(pl.when("gives_back").then("tax_date").alias("tax_date"))
    )
    in_another = pl.format("charge {} is in {}, the account in {}", "charge_id", "currency", "account_currency")
    foreign = due.filter(pl.col("currency") != pl.col("account_currency")).select(
        "account_id", **parked_as("charge_currency", in_another)
    )
    # The earlier system's last invoice, of the month before ours, had all that was dated up to its first day (RULES 7).
    earlier = pl.col("charge_date") <= window.first
    old = earlier | (pl.col("charge_date") < window.start)
    names = ~old & pl.col("gives_back") & pl.col("invoice_number").is_not_null()
    unknown = pl.col("credited").is_null()
    elsewhere = due.filter(names & (unknown | (pl.col("invoice_currency") != pl.col("currency")))).select(
        "account_id",
        **parked_as("credit_invoice", pl.when(unknown).then(
            pl.format("credit {} names invoice {}, which is none of the account's", "charge_id", "invoice_number")
        ).otherwise(pl.format(
            "credit {} in {} names invoice {}, which is in {}",
            "charge_id", "currency", "invoice_number", "invoice_currency",
        ))),
    )  # fmt: skip
    why = (
        pl.when(earlier)
        .then(pl.lit("was billed by the earlier system"))
        .otherwise(pl.lit("lies before the months a run looks back"))
    )
    too_old = pl.format("charge {} of {} {}", "charge_id", "charge_date", why)
    aged = due.filter(old).select("account_id", **noticed_as("older_charge", too_old))
    due = due.with_columns(invoice_number=pl.coalesce("credited", "invoice_number"))
    return due.filter(~old), pl.concat([foreign, elsewhere]), aged.cast(FINDINGS)
