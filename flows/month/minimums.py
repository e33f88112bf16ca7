"""Minimums of usage months (RULES 10) on the lines of a run: asked when discounts are off, less what documents hold."""

import polars as pl

from flows.books.run import Run
from flows.home.store import Store
from flows.month.corrected_parts import replaced_by
from flows.month.inputs import MasterData
from flows.month.lookups import billed_before, usage_months
from rating.minimums import BILLED, MODEL, Payer, carriers, minimums_due, shortfalls
from schemas.catalog import Catalog
from schemas.frames import CHARGE

_BILLED = """
    with lines as (
        select l.*, d.invoice_number, d.issued_at, d.sequence, coalesce(o.taxed_on, d.issue_date) as taxed_on,
            coalesce(l.price_model = 'minimum', false) as is_shortfall
        from invoice_lines l join standing_documents d on d.run_id = l.run_id and d.draft_id = l.draft_id
        join documents o on o.run_id = d.run_id and o.draft_id = d.draft_id
        where l.charge_type = 'usage' and l.period_start >= $since and not list_contains($replaced, d.invoice_number)),
    facts as (
        select run_id, draft_id, line_no, any_value(jurisdiction) as jurisdiction, any_value(tax_class) as tax_class,
            any_value(telecom_percent) as telecom_percent, any_value(interstate) as interstate,
            any_value(access_lines) as access_lines, any_value(measured_share) as measured_share
        from charges where charge_type = 'usage' group by all),
    of_product as (
        select *, case when is_shortfall then substr(charge_key, length(account_id || '|usage|minimum|') + 1,
            length(charge_key) - length(account_id || '|usage|minimum||YYYY-MM')) else product_code end as of_code
        from lines)
    select l.account_id, of_code as product_code, strftime(l.period_start, '%Y-%m') as usage_month,
        -- Before a minimum was a line of its own it raised the line of the usage.
        sum(case when is_shortfall then 0 when bounded_by = 'minimum' then list_amount - discount_amount
            else l.amount end) as net,
        sum(case when is_shortfall then l.amount when bounded_by = 'minimum'
            then l.amount - list_amount + discount_amount else 0 end) as shortfall,
        bool_or(is_shortfall) as is_own_line,
        {facts}
    from of_product l left join facts f using (run_id, draft_id, line_no)
    where list_contains($codes, of_code) group by all order by all"""

_FACTS = {
    "tax_date": "l.taxed_on", "jurisdiction": "f.jurisdiction", "tax_class": "f.tax_class",
    "telecom_percent": "f.telecom_percent", "interstate": "f.interstate", "access_lines": "f.access_lines",
    "measured_share": "f.measured_share", "reverses": "l.invoice_number",
}  # fmt: skip
"""How the last line that charged something of it was taxed."""


def minimum_charges(run: Run, master: MasterData, accounts: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """CHARGE rows of what usage months lack of their minimum: those this run bills for the first time, those whose
    usage it bills late or corrects, and those that hold a line of it already, where the plan's days have changed.

    accounts: account_id, minor_digits, locale, of those that are billed. lines: invoicing.lines.LINE, net.
    """
    catalog = run.tables.catalog
    months = usage_months(run.settings, run.request.invoice_month)
    if carriers(catalog).is_empty() or not months:
        return pl.DataFrame(schema=CHARGE)
    billed = _billed(run.store, catalog, replaced_by(run.store, run) or [], months[0][1])
    due = minimums_due(master.versions, months, catalog, master.suspensions)
    wanted = _wanted(run, due, billed)
    own = billed.filter(pl.col("is_own_line") & (run.kind != "correction"))
    touched = pl.concat([wanted, own.select(wanted.columns)]).unique()
    used = (
        lines.filter(pl.col("charge_type") == "usage", pl.col("price_model").ne_missing(MODEL))
        .group_by("account_id", "product_code", usage_month=pl.col("period_start").dt.strftime("%Y-%m"))
        .agg(net=pl.col("amount").sum())
    )
    payers = {
        account: Payer(digits, locale)
        for account, digits, locale in accounts.select("account_id", "minor_digits", "locale").iter_rows()
    }
    due, billed = (rows.join(touched, on=touched.columns, how="semi") for rows in (due, billed))
    return shortfalls(due, used, billed, payers, catalog.products)


def _wanted(run: Run, due: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """account_id, product_code, usage_month that this run bills, for the first time or again with what came late."""
    key = ["account_id", "product_code", "usage_month"]
    path = run.work / "months.parquet"
    again = pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=dict.fromkeys(key[::2], pl.String))
    every = pl.concat([due.select(key), billed.select(key)]).unique()
    late = every.join(again, on=key[::2], how="semi")
    if run.kind == "correction":
        return late
    open_ = due.join(billed_before(run.store), on="account_id", how="left").filter(
        (pl.col("month_start") >= pl.col("billed_before")).fill_null(value=True)
    )
    return pl.concat([late, open_.select(key)]).unique()


def _billed(store: Store, catalog: Catalog, replaced: list[str], since: object) -> pl.DataFrame:
    charged = "is_shortfall and l.amount > 0 or bounded_by = 'minimum'"
    facts = ",\n        ".join(
        f"arg_max({value}, (l.issued_at, l.sequence)) filter ({charged}) as {name}" for name, value in _FACTS.items()
    )
    codes = carriers(catalog)["product_code"].unique().sort().to_list()
    query = _BILLED.format(facts=facts)
    rows = store.sql(query, {"since": since, "replaced": replaced, "codes": codes})
    return rows.cast(BILLED).select(list(BILLED))  # type: ignore[arg-type]
