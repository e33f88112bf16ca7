"""The books of a run, added up a second way: in DuckDB, over what was written (RULES 26, 27; DESIGN, decision 3).

Each law is a query that returns the rows that break it; a broken law rolls the drafting transaction back.
"""

from typing import Any

from flows.store import Store
from schemas.errors import Refused

LAWS = {
    "the lines of every document add up to its subtotal": """
        select d.draft_id, d.subtotal, sum(l.amount) from documents d left join invoice_lines l using (run_id, draft_id)
        where d.run_id = $run group by all having coalesce(sum(l.amount), 0) <> d.subtotal""",
    "subtotal and tax rows of every document add up to its total": """
        select d.draft_id, d.total, d.subtotal + coalesce(sum(t.amount), 0) as found
        from documents d left join invoice_taxes t using (run_id, draft_id) where d.run_id = $run
        group by d.draft_id, d.total, d.subtotal having found <> d.total""",
    # Exact: over the common denominator c, 2 x |amount x c - sum| x 10^digits may not exceed c. A usage month whose
    # usage came late, or was corrected, stands on several documents: their lines of one key are one sum.
    "every usage line is, with what documents hold of it, at list price the exact sum of its usage, rounded once": """
        with mine as (
            select draft_id as of_draft, line_no as of_line, account_id, charge_key, billing_group
            from invoice_lines where run_id = $run and charge_type = 'usage' and price_model is null),
        together as (
            select m.of_draft, m.of_line, l.run_id, l.draft_id, l.line_no, l.list_amount
            from mine m join invoice_lines l on l.account_id = m.account_id and l.charge_key = m.charge_key
                and l.billing_group is not distinct from m.billing_group
            where l.charge_type = 'usage' and (l.run_id = $run or exists (
                select 1 from issued_documents i where i.run_id = l.run_id and i.draft_id = l.draft_id))),
        sums as (
            select of_draft, of_line, amount_den, sum(amount_num) as num
            from together join line_usage using (run_id, draft_id, line_no) group by all),
        common as (
            select of_draft, of_line, list_reduce(list(amount_den), lambda a, b: lcm(a, b)) as c
            from sums group by all),
        exact as (
            select of_draft, of_line, c, sum(num * (c // amount_den)) as total
            from sums join common using (of_draft, of_line) group by all),
        printed as (select of_draft, of_line, sum(list_amount) as amount from together group by all)
        select p.of_draft, p.of_line, p.amount, e.total / e.c as found
        from printed p join documents d on d.run_id = $run and d.draft_id = p.of_draft
        left join exact e using (of_draft, of_line)
        where not coalesce(2 * abs(p.amount * e.c - e.total)
            * (10 ** (d.document_json ->> '$.minor_digits')::integer)::hugeint <= e.c, false)""",
    "list amount less discount is the amount of every line, unless a minimum or maximum decided it": """
        select draft_id, line_no, list_amount, discount_amount, amount from invoice_lines where run_id = $run
        and bounded_by is null and (list_amount - discount_amount = amount) is distinct from true""",
    "every discount stands on the line it was taken off": """
        select draft_id, line_no, g.amount, l.discount_amount
        from (select draft_id, line_no, sum(amount) as amount from line_discounts where run_id = $run group by all) g
        left join (select * from invoice_lines where run_id = $run) l using (draft_id, line_no)
        where l.price_model is null and g.amount is distinct from l.discount_amount""",
    "every known account has exactly one outcome": """
        select account_id, count(*) from (
            select distinct account_id from feed_accounts union all
            select account_id from run_accounts where run_id = $run) group by account_id having count(*) <> 2""",
    "every billed account has a document and only they": """
        select account_id from run_accounts where run_id = $run and outcome = 'billed'
        except select account_id from documents where run_id = $run
        union all
        (select account_id from documents where run_id = $run
        except select account_id from run_accounts where run_id = $run and outcome = 'billed')""",
    "every record has exactly one outcome in this run": """
        select usage_id from (
            select usage_id from rated_usage where run_id = $run union all
            select usage_id from suspended_usage where run_id = $run union all
            select usage_id from excluded_usage where run_id = $run) group by usage_id having count(*) <> 1""",
    "every loaded record is rated, suspended or excluded": """
        select usage_id from (select usage_id from feed_calls union all select usage_id from feed_messages)
        except (select usage_id from rated_usage union select usage_id from suspended_usage
                union select usage_id from excluded_usage)""",
}

FILE_LAWS = {
    "every call and message of a loaded file is stored": """
        with stored as (
            select file_seq, count(*) as kept from feed_calls group by 1 union all
            select file_seq, count(*) from feed_messages group by 1)
        select source_file, loaded, coalesce(kept, 0) from source_files left join stored using (file_seq)
        where feed in ('calls', 'messages') and state = 'loaded' and loaded <> coalesce(kept, 0)""",
    "every file is loaded, rejected or duplicate, line by line": """
        select source_file, records, loaded, rejected, duplicate from source_files
        where state = 'loaded' and records <> loaded + rejected + duplicate""",
}


def balance_books(store: Store, run_id: str) -> None:
    """The laws of a run that drafts, and those of the files under it."""
    keep_laws(store, LAWS | FILE_LAWS, {"run": run_id}, "nothing was drafted")


OF_EVERYTHING = (
    "every known account has exactly one outcome",
    "every loaded record is rated, suspended or excluded",
)
"""Laws of a run that looks at every account; a correction does not."""


def balance_correction(store: Store, run_id: str) -> None:
    """The laws of a correction that drafts."""
    laws = {law: query for law, query in LAWS.items() if law not in OF_EVERYTHING}
    keep_laws(store, laws, {"run": run_id}, "nothing was drafted")


def balance_files(store: Store) -> None:
    """The laws of what was taken in, for acts that change nothing else."""
    keep_laws(store, FILE_LAWS, {}, "nothing was changed")


def keep_laws(store: Store, laws: dict[str, str], values: dict[str, Any], so: str) -> None:
    """Raises Refused naming every law that does not hold and the first rows that break it; `so` is what follows."""
    broken = []
    for law, query in laws.items():
        asked = {name: value for name, value in values.items() if f"${name}" in query}
        rows = store.rows(query, asked or None)
        if rows:
            broken.append(f"{law}: {len(rows)} times not, first {rows[:3]}")
    if broken:
        raise Refused(f"the books do not balance; {so}.\n" + "\n".join(broken))
