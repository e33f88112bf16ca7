"""Usage to charges: the run's own months, and months that documents hold in part, less what they hold (RULES 7, 13)."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from flows.books.run import Run, empty_folder
from flows.home.store import Store
from flows.month.isolate import Accounts
from flows.month.usage.rows import read_rated
from flows.month.usage.stored import reading_amount
from rating.charges import SUMS, merge_sums, sum_components, usage_charges, usage_components
from rating.late_back import taxed_as_billed
from rating.less_billed import less_billed, with_line_keys
from rating.period_charges import with_usage_pricing
from schemas.dated import in_language
from schemas.frames import parked_as
from schemas.money import minor_digits
from schemas.product import Product

RECEIVED_LATE = {
    "en": "{name} (usage received late)",
    "fr": "{name} (usage reçu tardivement)",
    "de": "{name} (verspätet gemeldete Nutzung)",
}
"""What a line of late usage says; its period is the usage month's."""

_BILLED = """
    select l.run_id, l.draft_id, l.line_no, d.account_id, l.charge_key, l.section, l.product_code, l.billing_group,
        l.list_amount as amount, l.quantity, l.unit, l.list_unit_price, l.period_start, l.period_end,
        coalesce(l.tax_date, o.taxed_on, d.issue_date) as tax_date, c.jurisdiction, l.tax_class, c.telecom_percent,
        c.interstate, c.access_lines, c.measured_share, d.invoice_number as reverses, l.reverses as of_reverses
    from invoice_lines as l join standing_documents as d on d.run_id = l.run_id and d.draft_id = l.draft_id
    join documents as o on o.run_id = d.run_id and o.draft_id = d.draft_id
    left join (
        select run_id, draft_id, line_no, any_value(jurisdiction) as jurisdiction,
            any_value(telecom_percent) as telecom_percent, any_value(interstate) as interstate,
            any_value(access_lines) as access_lines, any_value(measured_share) as measured_share
        from charges where charge_type = 'usage' and account_id in (select account_id from _months)
        group by run_id, draft_id, line_no
    ) as c on c.run_id = l.run_id and c.draft_id = l.draft_id and c.line_no = l.line_no
    join _months as m on m.account_id = d.account_id and m.usage_month = strftime(l.period_start, '%Y-%m')
    where l.charge_type = 'usage' and l.price_model is distinct from 'minimum'
        and l.account_id in (select account_id from _months) and not list_contains($replaced, d.invoice_number)
    order by d.issued_at, d.series, d.sequence, l.line_no"""

_PARTS = "account_id, line_key, usage_id, component, rate_id, allowance_id, price, per, amount_den"
_MOVED = f"""
    select max(usage_no) as usage_no, {_PARTS}, sum(units)::bigint as units,
        sum(amount_num)::decimal(38, 12) as amount_num
    from (
        select usage_no, {_PARTS}, units, amount_num from _owed
        union all
        select u.usage_no, l.account_id, l.line_key, u.usage_id, u.component, u.rate_id, u.allowance_id, u.price, u.per,
            u.amount_den, -u.units, -u.amount_num
        from line_usage as u
        join _lines as l on l.run_id = u.run_id and l.draft_id = u.draft_id and l.line_no = u.line_no)
    group by all having sum(units) <> 0 or sum(amount_num) <> 0"""


@dataclass(frozen=True)
class UsageContext:
    """What turning usage into charges needs to know. currencies: account_id, currency. locales: account_id, locale.

    bounds: usage month -> its first day and the first day after it. accounts: those that are charged.
    """

    run: Run
    products: dict[str, Product]
    currencies: pl.DataFrame
    locales: pl.DataFrame
    bounds: dict[str, tuple[date, date]]
    accounts: Accounts


def usage_owed(context: UsageContext, replaced: list[str] | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """CHARGE rows of the run's usage, and accounts whose usage no pricing prices (schemas.frames.PARKED).

    Leaves components/*.parquet in the work folder: what each record puts on which line. `replaced`: numbers of the
    documents that a correction replaces; then all its usage is less what the other documents hold.
    """
    folder = empty_folder(context.run.work / "components")
    sums = _components(context, "rated", folder)
    if replaced is not None:
        return _less_billed(context, sums, folder, replaced)
    charges, problems = with_usage_pricing(usage_charges(sums, context.bounds), context.currencies, context.products)
    late_folder = empty_folder(context.run.work / "late_components")
    late_sums = _components(context, "late", late_folder)
    if late_sums.is_empty():
        return charges, problems
    late, more = _less_billed(context, late_sums, late_folder, [])
    for path in late_folder.glob("*.parquet"):
        path.rename(folder / f"late-{path.name}")
    return pl.concat([charges, _said_late(late, context)]), pl.concat([problems, more])


def _components(context: UsageContext, folder_name: str, folder: Path) -> pl.DataFrame:
    """Writes what each rated record puts on which line, piece by piece; returns it added up (rating.charges.SUMS)."""
    sums = [pl.DataFrame(schema=SUMS)]
    for path in sorted((context.run.work / folder_name).glob("*.arrow")):
        components = usage_components(context.accounts.rows(read_rated(path)), context.products)
        components.with_columns(reading_amount()).write_parquet(folder / f"{path.stem}.parquet", compression="lz4")
        sums.append(sum_components(components))
    return merge_sums(pl.concat(sums))


def _less_billed(
    context: UsageContext, sums: pl.DataFrame, folder: Path, replaced: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Charges and components of usage months rated anew, less what documents hold of them."""
    owed, problems = with_usage_pricing(usage_charges(sums, context.bounds), context.currencies, context.products)
    months = context.accounts.rows(pl.read_parquet(context.run.work / "months.parquet"))
    billed = with_line_keys(_billed(context.run.store, months, replaced), context.products)
    moved = _moved(context.run.store, folder, billed)
    if billed.is_empty():
        return owed, problems
    gone = ~pl.col("product_code").is_in(list(context.products))
    unknown = billed.filter(gone).unique("account_id", keep="first", maintain_order=True)
    detail = pl.format("product {} was billed and is no longer in the catalogue", "product_code")
    problems = pl.concat([problems, unknown.select("account_id", **parked_as("product_gone", detail))])
    billed = billed.filter(~gone)
    digits = context.currencies.select(
        "account_id", minor_digits=pl.col("currency").map_elements(minor_digits, return_dtype=pl.Int64)
    )
    return taxed_as_billed(less_billed(owed, billed, digits, moved), billed), problems


def _billed(store: Store, months: pl.DataFrame, replaced: list[str]) -> pl.DataFrame:
    store.con.register("_months", months.select("account_id", "usage_month").to_arrow())
    try:
        return store.sql(_BILLED, {"replaced": replaced})
    finally:
        store.con.unregister("_months")


def _moved(store: Store, folder: Path, billed: pl.DataFrame) -> pl.DataFrame:
    """Replaces the folder's components by what they are more than billed ones; returns the lines that they touch."""
    files = sorted(folder.glob("*.parquet"))
    if billed.is_empty():
        return pl.DataFrame(schema={"account_id": pl.String, "line_key": pl.String})
    columns = ["run_id", "draft_id", "line_no", "account_id", "line_key"]
    owed = f"select * from read_parquet({[str(path) for path in files]})" if files else (
        "select usage_no, account_id, line_key, usage_id, component, rate_id, allowance_id, price, per, amount_den, "
        "units, amount_num "
        "from (select l.*, u.* exclude (run_id, draft_id, line_no) from _lines l, line_usage u where false)"
    )  # fmt: skip
    store.con.register("_lines", billed.select(columns).to_arrow())
    try:
        moved = store.sql(_MOVED.replace("from _owed", f"from ({owed})"))
    finally:
        store.con.unregister("_lines")
    for path in files:
        path.unlink()
    moved.with_columns(reading_amount()).write_parquet(folder / "moved.parquet", compression="lz4")
    return moved.select("account_id", "line_key").unique()


def _said_late(charges: pl.DataFrame, context: UsageContext) -> pl.DataFrame:
    """Charges with the text that says that they came late, in the language of the account's documents."""
    asked = charges.select("account_id", "product_code").unique().join(context.locales, on="account_id", validate="m:1")
    texts = [
        (
            account,
            code,
            in_language(RECEIVED_LATE, locale).format(name=in_language(context.products[code].name, locale)),
        )
        for account, code, locale in asked.select("account_id", "product_code", "locale").iter_rows()
    ]
    texts_of = pl.DataFrame(
        texts, schema={"account_id": pl.String, "product_code": pl.String, "_text": pl.String}, orient="row"
    )
    said = charges.join(texts_of, on=["account_id", "product_code"], how="left", validate="m:1", maintain_order="left")
    return said.with_columns(description="_text").select(charges.columns)
