"""The laws the books must keep, as SQL over the snapshot's views: what `review`, the tests and an auditor run.

Each law is a query for the rows that break it, so an empty answer is a kept law. What a law compares is counted
once more in other words by SUMS, for the reader who wants to see figures and not only "ok".

What a run writes was held against flows/books/ledger.py before it counted. Four of its laws stand here again, written
apart from those: these see what was published, of all runs and corrections together, through the views that everybody
reads, so that a fault of the snapshot, of a view or of a law there shows here. Whoever changes one of the four looks at
both; neither calls the other.

A review asks them of its own month, of months that bill the same usage and of what was made anew with the snapshot; all
months at once are asked by `doctor --deep`.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from flows.books.published_parts import NONE, part_table

LAWS: dict[str, str] = {
    "lines_make_the_subtotal": """
        select i.invoice_number, i.subtotal, coalesce(sum(l.amount), 0) as lines
        from invoices as i left join invoice_lines as l using (invoice_number)
        group by all having coalesce(sum(l.amount), 0) <> i.subtotal
        order by i.invoice_number""",
    "subtotal_and_taxes_make_the_total": """
        select i.invoice_number, i.subtotal, i.tax_total, i.total, coalesce(sum(t.amount), 0) as taxes
        from invoices as i left join invoice_taxes as t using (invoice_number)
        group by all having coalesce(sum(t.amount), 0) <> i.tax_total or i.subtotal + i.tax_total <> i.total
        order by i.invoice_number""",
    # At list price: discounts come off the printed line. A whole month's units with a price of their own are not a sum.
    "usage_makes_its_lines": """
        -- A month whose usage came late, or was corrected, stands on several documents: lines of one key are one sum,
        -- of what is issued, and of that with each run's drafts. Drafts made before other documents were issued are
        -- void and stand alone.
        with lines as (
            select l.*, coalesce(l.list_amount, l.amount + l.discount_amount) as listed,
                i.minor_digits, i.status <> 'draft' as is_issued, i.run_id as of_run,
                i.run_id in (from base.outdated_runs) as is_outdated, coalesce(u.amount, 0) as usage
            from invoice_lines as l join invoices as i using (invoice_number)
            left join (select invoice_number, line_no, sum(amount) as amount from line_usage group by all) as u
                using (invoice_number, line_no)
            where l.charge_type = 'usage'
        ),
        keys as (
            select distinct account_id, charge_key, billing_group, case when not is_issued then of_run end as drafted,
                is_outdated
            from lines
        )
        select max(l.invoice_number) as invoice_number, max(l.line_no) as line_no, sum(l.amount) as amount,
            sum(l.usage) as usage
        from keys as k join lines as l on l.account_id = k.account_id and l.charge_key = k.charge_key
            and l.billing_group is not distinct from k.billing_group
            and ((l.is_issued and not k.is_outdated) or l.of_run = k.drafted)
        group by k.account_id, k.charge_key, k.billing_group, k.drafted, k.is_outdated
        having count(l.price_model) = 0 and abs(sum(l.listed) - sum(l.usage)) > 0.000001 + max(
            case l.minor_digits when 0 then 0.5 when 2 then 0.005 when 3 then 0.0005 else 0.00005 end)
        union all
        select invoice_number, line_no, null, sum(amount) from line_usage as u
        where not exists (select 1 from invoice_lines as l where l.invoice_number = u.invoice_number
            and l.line_no = u.line_no and l.charge_type = 'usage')
        group by all
        order by 1, 2""",
    "one_outcome_per_line_of_a_file": """
        select source_file, records, loaded, rejected, duplicate
        from source_files where state <> 'refused' and records <> loaded + rejected + duplicate
        order by source_file""",
    "loaded_usage_is_rated_suspended_or_excluded": """
        with loaded as (
            select feed, sum(loaded) as records, coalesce(sum(seconds), 0) as seconds
            from source_files where feed in ('calls', 'messages') and state not in ('refused', 'rolled_back')
            group by feed
        ),
        outcomes as (
            select case kind when 'voice' then 'calls' else 'messages' end as feed, count(*) as records,
                sum(duration_s) as seconds
            from rated_usage where is_loaded group by kind
            union all select feed, count(*), sum(duration_s) from suspended_usage group by feed
            union all select feed, count(*), sum(duration_s) from excluded_usage group by feed
            union all select feed, count(*), sum(duration_s) from pending_usage where reason <> 'no_outcome'
            group by feed
        ),
        ended as (select feed, sum(records) as records, sum(seconds) as seconds from outcomes group by feed)
        select feed, l.records as loaded, e.records as with_outcome, l.seconds as seconds_loaded,
            e.seconds as seconds_with_outcome
        from loaded as l full join ended as e using (feed)
        where coalesce(l.records, 0) <> coalesce(e.records, 0)
            or (feed = 'calls' and coalesce(l.seconds, 0) <> coalesce(e.seconds, 0))
        order by feed""",
    "every_account_has_one_outcome": """
        with whole as (
            from bill_runs where state in ('drafted', 'approved') and kind = 'regular' and for_accounts is null
        )
        select r.run_id, a.account_id, 0 as outcomes
        from whole as r cross join latest_accounts as a
        where a.first_ingested_at <= r.drafted_at
            and not exists (from run_accounts as o where o.run_id = r.run_id and o.account_id = a.account_id)
        union all
        select run_id, account_id, count(*) from run_accounts group by all having count(*) > 1
        order by 1, 2""",
}

MEANING: dict[str, str] = {
    "lines_make_the_subtotal": "For every document the lines add up to the subtotal",
    "subtotal_and_taxes_make_the_total": "For every document subtotal, taxes and recovery fees add up to the total",
    "usage_makes_its_lines": "Every usage line is, at list price, the sum of its calls and messages, rounded once",
    "one_outcome_per_line_of_a_file": "In every file records are loaded, rejected or duplicate",
    "loaded_usage_is_rated_suspended_or_excluded": "Loaded calls and messages are rated, suspended or excluded",
    "every_account_has_one_outcome": "Every known account has one outcome in a run",
}

SUMS: dict[str, str] = {
    "lines_make_the_subtotal": """
        select (select count(*) from invoices) as documents, (select count(*) from invoice_lines) as lines""",
    "subtotal_and_taxes_make_the_total": """
        select (select count(*) from invoices) as documents, (select count(*) from invoice_taxes) as taxes_and_fees""",
    "usage_makes_its_lines": """
        select (select count(*) from invoice_lines where charge_type = 'usage') as usage_lines,
            (select count(distinct usage_id) from line_usage) as usage_records""",
    "one_outcome_per_line_of_a_file": """
        select count(*) as files, sum(records) as records, sum(loaded) as loaded, sum(rejected) as rejected,
            sum(duplicate) as duplicate from source_files where state <> 'refused'""",
    "loaded_usage_is_rated_suspended_or_excluded": """
        select (select sum(loaded) from source_files where feed in ('calls', 'messages')
                and state not in ('refused', 'rolled_back')) as loaded,
            (select count(*) from rated_usage) as rated, (select count(*) from suspended_usage) as suspended,
            (select count(*) from excluded_usage) as excluded, (select count(*) from pending_usage) as not_yet_due""",
    "every_account_has_one_outcome": """
        select (select count(*) from latest_accounts) as accounts,
            (select count(*) from bill_runs where state in ('drafted', 'approved')) as runs""",
}


def broken(con: duckdb.DuckDBPyConnection, month: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """The rows that break a law, by law; laws that are kept do not appear. `con` is the snapshot, as `publish.read`.

    month: what its review asks; None: all months.
    """
    with _of(con, month):
        answers = {law: con.sql(query).pl().to_dicts() for law, query in LAWS.items()}
    return {law: rows for law, rows in answers.items() if rows}


def sums(con: duckdb.DuckDBPyConnection, month: str | None = None) -> dict[str, dict[str, int]]:
    """What each law looked at, in figures."""
    with _of(con, month):
        figures = {law: con.sql(query).pl().row(0, named=True) for law, query in SUMS.items()}
    return {law: {name: int(figure or 0) for name, figure in row.items()} for law, row in figures.items()}


_BESIDE = """
    with fresh as (select month from base.months where is_fresh union select $1),
    mine as (
        select l.account_id, l.charge_key from invoice_lines as l join invoices as i using (invoice_number)
        where l.charge_type = 'usage' and i.invoice_month in (select month from fresh)
    )
    select distinct i.invoice_month from invoice_lines as l join invoices as i using (invoice_number)
    where l.charge_type = 'usage' and (l.account_id, l.charge_key) in (from mine)
    union select month from fresh"""


@contextlib.contextmanager
def _of(con: duckdb.DuckDBPyConnection, month: str | None) -> Iterator[None]:
    """With views of the same names that hold these months alone."""
    if month is None:
        yield
        return
    there = {name for (name,) in con.execute("select month from base.months").fetchall()}
    asked = [name for (name,) in con.execute(_BESIDE, [month]).fetchall() if name in there]
    views = _views(con, sorted(asked))
    try:
        for name, rows in views.items():
            con.execute(f"create temp view {name} as {rows}")
        yield
    finally:
        for name in views:
            con.execute(f"drop view if exists temp.{name}")


def _views(con: duckdb.DuckDBPyConnection, months: Sequence[str]) -> dict[str, str]:
    """Views by month, and of the others the tables of these months."""
    (snapshot,) = con.execute("select current_catalog()").fetchone() or ("tollbook",)
    listed = ", ".join(f"'{month}'" for month in months) or "null"
    by_month = ("invoices", "bill_runs", "run_accounts")
    views = {name: f'from "{snapshot}".main.{name} where invoice_month in ({listed})' for name in by_month}
    for part in ("invoice_lines", "invoice_taxes", "line_usage"):
        tables = (part_table(part, month) for month in (NONE, *months))
        views[part] = " union all ".join(f"from base.{table}" for table in tables)
    return views
