"""What the tax stage remembers: issued documents and their rows, and the calls behind the traffic study. Reads only."""

from datetime import date

import polars as pl

from flows.books.run import Run
from flows.books.standing import ROOTS
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.taxing.traffic import window
from schemas.document import Document
from schemas.periods import add_months
from taxes.frames import ISSUED
from taxes.memory import Memory
from taxes.tables import TaxTables

_ISSUED = """
with added as (
    select s.goes_with, t.tax_code, t.jurisdiction, t.tax_date, t.rate_percent, t.certificate_number,
        t.exempt_amount <> 0 as is_exempt, sum(t.amount) as amount
    from standing_documents s join invoice_taxes t using (run_id, draft_id)
    where s.goes_with <> s.invoice_number group by all)
select d.account_id, coalesce(draft.taxed_on, d.issue_date) as issued_on, t.tax_code, t.jurisdiction, t.tax_date,
    case t.unit when 'amount_per_line' then t.rate_amount else t.rate_percent end as rate, t.certificate_number,
    t.exempt_amount <> 0 and t.certificate_number is null as reverse_charge, d.invoice_number, t.base_amount,
    t.exempt_amount, t.amount + coalesce(a.amount, 0) as amount, t.tax_no, draft.currency,
    d.invoice_number not in (
        select invoice_number from standing_documents where goes_with = invoice_number) as is_replaced
from (from issued_documents where account_id in (select unnest($accounts::varchar[]))) d
join documents draft using (run_id, draft_id)
left join invoice_taxes t on t.run_id = d.run_id and t.draft_id = d.draft_id
left join added a on a.goes_with = d.invoice_number and a.tax_code = t.tax_code and a.jurisdiction = t.jurisdiction
    and a.tax_date = t.tax_date and a.rate_percent = t.rate_percent and a.is_exempt = (t.exempt_amount <> 0)
    and a.certificate_number is not distinct from t.certificate_number
order by d.invoice_number, t.tax_no
"""
"""issued_on: the day whose tables taxed the document. amount: with what adjustments added to the row. is_replaced: the
document does not stand, or is an adjustment, which stands with the one that it adds to."""


def issued_taxes(store: Store, accounts: list[str]) -> pl.DataFrame:
    """taxes.frames.ISSUED of these accounts, with tax_no, currency and is_replaced.

    A document without any row still has one, without tax_code: what reverses it gives no tax back.
    """
    return store.sql(_ISSUED, {"accounts": accounts}).cast(dict(ISSUED))  # type: ignore[arg-type]


_GIVEN_BACK = f"""
with recursive {ROOTS},
asked as (select distinct root from roots where list_contains($numbers, invoice_number)),
known as (select r.invoice_number, r.root from roots r join asked using (root)),
givers as (
    select distinct run_id, draft_id from invoice_lines where reverses in (select invoice_number from known))
select i.invoice_number, k.root, s.invoice_number is not null and not list_contains($replaced, i.invoice_number),
    r.draft_id is not null, i.document_json
from issued_documents i
left join known k on k.invoice_number = i.invoice_number
left join standing_documents s on s.invoice_number = i.invoice_number
left join givers r on r.run_id = i.run_id and r.draft_id = i.draft_id
where k.root is not null or r.draft_id is not null order by i.issued_at, i.invoice_number"""
"""Of what documents are given back: all that have their roots, and all that gave back of these. Whether each stands."""


def given_back(store: Store, lines: pl.DataFrame, replaced: list[str] | None = None) -> Memory:
    """The issued documents that these lines (LINE) give back, as they were issued, and what was given back of them by
    documents that stand; those `replaced` by a correction (numbers) do not."""
    numbers = lines["reverses"].drop_nulls().unique().sort().to_list()
    if not numbers:
        return Memory()
    rows = [
        (number, root, stands, returns, Document.model_validate_json(text))
        for number, root, stands, returns, text in store.rows(
            _GIVEN_BACK, {"numbers": numbers, "replaced": replaced or []}
        )
    ]
    by_number = {number: document for number, *_, document in rows}
    return Memory(
        tuple(by_number[number] for number in numbers if number in by_number),
        tuple(document for _, root, stands, _, document in rows if root is not None and stands),
        tuple(document for *_, stands, returns, document in rows if stands and returns),
        {number: root for number, root, *_ in rows if root is not None},
    )


def with_proof(issued: pl.DataFrame, tables: TaxTables, month_first: date, settings: Settings) -> pl.DataFrame:
    """Rows of documents that stand and that a run looks back to, with `by_certificate`: what their table accepts."""
    since = add_months(month_first, -settings.billing.lookback_months)
    rows = issued.filter(pl.col("tax_code").is_not_null(), pl.col("issued_on") >= since, ~pl.col("is_replaced"))
    accepting = [table for table in tables.tables if "certificate" in table.exempt_by]
    accepted = [
        (code, place, any(t.code == code and t.row_jurisdiction(place) == place for t in accepting))
        for code, place in rows.select("tax_code", "jurisdiction").unique().iter_rows()
    ]
    by_row = pl.DataFrame(
        accepted, schema={"tax_code": pl.String, "jurisdiction": pl.String, "by_certificate": pl.Boolean}, orient="row"
    )
    return rows.join(by_row, on=["tax_code", "jurisdiction"], validate="m:1")


_CALLS = """
    with kinds as (select run_id, max(run_seq) as run_seq, any_value(kind) as kind from runs group by run_id),
    counted as (
        select f.for_no, f.account_id, f.usage_month, k.run_seq, k.kind, d.draft_id is not null as is_issued
        from rated_for f left join kinds k using (run_id)
        left join issued_documents d on d.run_id = f.run_id and d.draft_id = f.draft_id
        where f.account_id in (select account_id from _asked) and f.usage_month between $first and $last
            and (d.draft_id is not null or f.run_id = $run)),
    -- A call of a file that came again has another number: it is told by its id.
    corrected as (
        select u.usage_id, max(c.run_seq) as run_seq
        from rated r join counted c using (for_no) join usage_records u using (usage_no)
        where c.is_issued and c.kind = 'correction' group by u.usage_id)
    select c.account_id, c.usage_month, b.jurisdiction, sum(u.duration_s)::bigint as duration_s, count(*) as calls
    from rated r join counted c using (for_no) join rated_by b using (by_no) join usage_records u using (usage_no)
    left join corrected o on o.usage_id = u.usage_id
    where b.category is distinct from 'sms' and (o.run_seq is null or o.run_seq <= c.run_seq)
    group by all order by all"""


def rated_calls(store: Store, run: Run, accounts: pl.Series) -> pl.DataFrame:
    """account_id, usage_month, jurisdiction, duration_s, calls of these accounts: of issued documents and of this run,
    in the study's months; a call that was corrected as its last correction has it."""
    first, last = window(run.request.invoice_month)
    store.con.register("_asked", accounts.unique().to_frame("account_id").to_arrow())
    try:
        return store.sql(_CALLS, {"run": run.run_id, "first": first, "last": last})
    finally:
        store.con.unregister("_asked")
