"""The books of a run, added up a second way: in DuckDB, over what was written (RULES 26, 27; DESIGN, decision 3).

Each law is a query that returns the rows that break it; a broken law rolls the drafting transaction back.

Four of them (lines and subtotal, taxes and total, usage and its lines, one outcome each) are stated again in
flows/books/laws.py, in other words over other tables, and on purpose: here what one act is about to write, exact and
before it counts; there what was published, of all runs together, as an analyst or auditor sees it. One set of queries
over both would share its mistakes with what it checks: the snapshot's own views.
"""

from typing import Any

from flows.home.store import Store
from schemas.errors import Refused

_LOST = """
        answered as (
            select usage_no from rated where usage_no >= (select min(usage_no) from new) union all
            select usage_no from suspended_usage where usage_no >= (select min(usage_no) from new) union all
            select usage_no from excluded_usage where usage_no >= (select min(usage_no) from new)),
        -- What came again after its file was taken back out has no outcome of its own where a document bills it.
        again as (
            select k.usage_id from kept_usage k join rated r using (usage_no) join rated_for f using (for_no)
            where f.billed_as = 'written_off'
                or (f.run_id, f.account_id) in (select (run_id, account_id) from issued_documents))
        select usage_id from new where usage_no not in (select usage_no from answered where usage_no is not null)
            and usage_id not in (select usage_id from again)"""
"""The records of `new` (usage_no, usage_id) that have no outcome."""

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
        printed as (select of_draft, of_line, sum(list_amount) as amount from together group by all),
        -- Read before the join: a document's JSON beside each of its lines is more than a run may hold.
        digits as materialized (
            select draft_id as of_draft, (document_json ->> '$.minor_digits')::integer as digits
            from documents where run_id = $run)
        select p.of_draft, p.of_line, p.amount, e.total / e.c as found
        from printed p join digits d using (of_draft) left join exact e using (of_draft, of_line)
        where not coalesce(2 * abs(p.amount * e.c - e.total) * (10 ** d.digits)::hugeint <= e.c, false)""",
    "list amount less discount is the amount of every line, unless a minimum or maximum decided it": """
        select draft_id, line_no, list_amount, discount_amount, amount from invoice_lines where run_id = $run
        and bounded_by is null and (list_amount - discount_amount = amount) is distinct from true""",
    # Not of lines with a price model: their discount amount holds the model's own discount too.
    "every discount stands on the line it was taken off": """
        select draft_id, line_no, g.amount, l.discount_amount
        from (select draft_id, line_no, sum(amount) as amount from line_discounts where run_id = $run group by all) g
        left join (select * from invoice_lines where run_id = $run) l using (draft_id, line_no)
        where l.price_model is null and g.amount is distinct from l.discount_amount""",
    # Each account twice, once as known and once as an outcome: 1 is one without the other, 3 has two outcomes.
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
        select usage_no from (
            select usage_no from rated join rated_for using (for_no) where run_id = $run union all
            select usage_no from suspended_usage where run_id = $run union all
            select usage_no from excluded_usage where run_id = $run) group by usage_no having count(*) <> 1""",
    "every rated record is the call or message of a file": """
        with mine as (select usage_no from rated join rated_for using (for_no) where run_id = $run)
        select usage_no from mine
        except select usage_no from usage_records where usage_no in (select usage_no from mine)""",
    # Of what was taken in since the last run that drafted: that one answered for all before it.
    "every loaded record is rated, suspended or excluded": f"""
        with new as (
            select usage_no, usage_id from feed_calls where file_seq >= $since
            union all select usage_no, usage_id from feed_messages where file_seq >= $since),
        {_LOST}""",
    "every record has the seconds its file gave it": """
        with outcomes as (
            select usage_no, duration_s from suspended_usage where run_id = $run union all
            select usage_no, duration_s from excluded_usage where run_id = $run)
        select c.usage_id, c.duration_s, o.duration_s from outcomes o join feed_calls c using (usage_no)
        where o.duration_s is distinct from c.duration_s""",
    # Both sides at 12 decimals, so a document of a million records may be off by a millionth.
    # Of the last month only: what documents held already of earlier ones is taken off their lines, not off their usage.
    "the rated usage of every document is what its lines are made of": """
        with last as (
            select strftime((invoice_month || '-01')::date - interval 1 month, '%Y-%m') as usage_month
            from runs where run_id = $run limit 1)
        select draft_id, u.amount as rated, l.amount as lines
        from (select draft_id, sum(amount) as amount from rated join rated_for using (for_no) join (
                select distinct draft_id from documents where run_id = $run) using (draft_id)
              where run_id = $run and usage_month = (from last) group by draft_id) u
        full join (select draft_id, sum(u.amount) as amount
                   from line_usage u join invoice_lines l using (run_id, draft_id, line_no)
                   where run_id = $run and strftime(l.period_start, '%Y-%m') = (from last) group by draft_id) l
            using (draft_id)
        where abs(coalesce(u.amount, 0) - coalesce(l.amount, 0)) > 0.000001""",
    # `excess` is what the exact tax has more than the amount, on its absolute value; both x 100 where the rate is a
    # percentage. A base is printed at twelve decimals: `last` is what the printing may have moved, 0 where it is gross
    # base times percentage to the last digit. An outside engine's amount is its own. What an adjustment adds up, and
    # what is given back as it was charged, was rounded more than once: it is within one smallest unit. The rest of
    # what was given back in parts answers for the rounding of each of them.
    "every tax of our tables is its base times its rate, rounded once as its row says": """
        with papers as (
            select run_id, draft_id, (document_json ->> '$.minor_digits')::integer as digits,
                document_json ->> '$.taxes[*].rounding' as roundings,
                d.correction = 'adjustment' or (d.correction = 'reversal' and exists (
                    select 1 from issued_documents i join documents o using (run_id, draft_id)
                    where i.invoice_number = d.corrects and o.correction = 'adjustment')) as is_sum
            from documents d where run_id = $run),
        taxed as (
            select t.draft_id, t.tax_no, t.base_amount, t.rate_percent, t.line_count, t.rate_amount, t.amount,
                case when p.is_sum and p.roundings[t.tax_no] is distinct from 'rest' then 'sum'
                    else p.roundings[t.tax_no] end as rounding,
                t.amount * case t.unit when 'amount_per_line' then 1 else 100 end as charged,
                case when t.unit is distinct from 'amount_per_line' then t.base_amount * t.rate_percent
                    when t.certificate_number is not null or (t.amount = 0 and t.note is not null) then 0
                    else t.line_count * t.rate_amount end as exact,
                case when t.unit is not distinct from 'amount_per_line'
                    or t.gross_base * t.taxable_percent = t.base_amount * 100 then 0
                    else t.rate_percent * 0.000000000001 end as last,
                case t.unit when 'amount_per_line' then 1 else 100 end * case p.digits
                    when 0 then 1 when 1 then 0.1 when 2 then 0.01 when 3 then 0.001 when 4 then 0.0001 end as smallest
            from invoice_taxes t join papers p using (run_id, draft_id)
            where t.run_id = $run and t.computed_by is distinct from 'engine'),
        compared as (
            select *, abs(exact) - case when exact < 0 then -charged else charged end as excess from taxed)
        select draft_id, tax_no, base_amount, rate_percent, line_count, rate_amount, rounding, amount from compared
        where not coalesce(case rounding
            when 'half_up' then 2 * excess + last >= -smallest and 2 * excess - last < smallest
            when 'down' then 2 * excess + last >= 0 and 2 * excess - last < 2 * smallest
            -- What is left after parts is off by what each of them was rounded, and is never more than is left.
            when 'rest' then excess >= -smallest * 100 and (charged = 0 or (charged > 0) = (exact > 0))
            else abs(excess) <= smallest end, false)""",
    "every document says on paper what its row says": """
        with papers as (
            select draft_id, subtotal, tax_total, total,
                document_json ->> ['$.subtotal', '$.tax_total', '$.total'] as paper
            from documents where run_id = $run)
        select draft_id, subtotal, tax_total, total from papers
        where (subtotal, tax_total, total) is distinct from (
            paper[1]::decimal(38, 12), paper[2]::decimal(38, 12), paper[3]::decimal(38, 12))""",
}

ISSUE_LAWS = {
    "every issued document is its draft, to the cent": """
        select i.invoice_number, d.total, i.document_json ->> '$.total'
        from issued_documents i left join documents d using (run_id, draft_id)
        where i.run_id = $run and d.total is distinct from (i.document_json ->> '$.total')::decimal(38, 12)""",
    # Where the last, and the count behind the last one lost, fit, nothing is missing inside. What lies before a number
    # of books that are gone was theirs to give (RULES 30).
    "the numbers of every series and year begin at 1, without a gap and none twice": """
        with lost as (
            select seller_id, series, year, max(sequence) as until from given_numbers
            where invoice_number in (select invoice_number from lost_numbers) group by all)
        select seller_id, series, year, count(*), max(sequence)
        from given_numbers left join lost using (seller_id, series, year) group by seller_id, series, year, until
        having count(distinct sequence) <> count(*)
            or count(*) filter (sequence > coalesce(until, 0)) <> max(sequence) - coalesce(until, 0)""",
    "every number names one document, and its series, year and place": """
        select invoice_number, count(*) from issued_documents group by invoice_number
        having count(*) <> 1 or bool_or(invoice_number <> printf('%s-%d-%06d', series, year(issue_date), sequence))
        union all
        select invoice_number, 1 from issued_documents
        where run_id = $run and invoice_number <> document_json ->> '$.invoice_number'""",
    "every billed account of an approved run holds its document": """
        select a.account_id from run_accounts a where a.run_id = $run and a.outcome = 'billed'
            and (select state from run_states where run_id = $run) = 'approved'
            and a.account_id not in (select account_id from issued_documents where run_id = $run)""",
}

SEND_LAWS = {
    "every mail carries an issued document of its month, or confirms a cancellation": """
        select e.message_id, e.invoice_number from delivery_events e left join issued_documents i
            on i.invoice_number = e.invoice_number and i.invoice_month = e.invoice_month
        where e.invoice_month = $month and i.invoice_number is null
            and e.message_id not in (select message_id from confirmations)""",
    "every cancellation is confirmed once": """
        -- Of mails that went out in a time that was lost nobody knows any more what they confirmed.
        select account_id, subscription_id, stated_on, count(*) from confirmations where account_id is not null
        group by all having count(*) > 1""",
    "no mail went out twice": """
        select message_id, count(*) from delivery_events
        where invoice_month = $month and state in ('accepted', 'written') group by message_id having count(*) > 1""",
    "no document has more mails than recipients": """
        -- As printed, or as the account has them since (RULES 32); a mail that was replaced went nowhere.
        with known as (
            select account_id, max(1 + coalesce(len(string_split(replace(cc_emails, ';', ','), ',')), 0)) as most
            from feed_accounts where email is not null group by account_id),
        asked as (
            select invoice_number, greatest(coalesce(most, 0), len(list_distinct(list_transform(
                cast(document_json -> '$.bill_to.emails' as varchar[]), lambda mail: lower(trim(mail)))))) as recipients
            from issued_documents left join known using (account_id) where invoice_month = $month)
        select invoice_number, recipients, count(*)
        from asked join mail_states using (invoice_number) where state <> 'replaced'
        group by all having count(*) > recipients""",
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


DEEP_LAWS = {
    "every loaded record is rated, suspended or excluded, or came after the last run": f"""
        with known as (
            select max(before_file) as before_file from run_knowledge
            where run_id in (select run_id from run_events where state = 'drafted')),
        new as (
            select usage_no, usage_id from (
                select usage_no, usage_id, file_seq from feed_calls union all
                select usage_no, usage_id, file_seq from feed_messages) cross join known
            where file_seq < before_file),
        {_LOST}""",
    "every number stands on its document": """
        select invoice_number from issued_documents where invoice_number <> document_json ->> '$.invoice_number'""",
    **FILE_LAWS,
}
"""What acts see to in their own month, of the whole history: for `doctor --deep`. Each answers what breaks it."""

_SINCE = """
    with last as (
        select r.run_id, r.drafted_at from runs r
        where r.run_id <> $1 and r.kind <> 'correction'
            and r.run_id in (select run_id from run_events where state = 'drafted')
        order by r.run_seq desc limit 1)
    select coalesce(max(k.before_file), 0) from run_knowledge k join last using (run_id)
    where not exists (from audit_log where act = 'rollback' and happened_at >= last.drafted_at)"""
"""The first file that no run before this one knew; the first of all where one was rolled back since."""


def balance_books(store: Store, run_id: str) -> None:
    """The laws of a run that drafts, and those of the files under it."""
    ((since,),) = store.rows(_SINCE, [run_id])
    keep_laws(store, LAWS | FILE_LAWS, {"run": run_id, "since": since}, "nothing was drafted")


def balance_issue(store: Store, run_id: str) -> None:
    """The laws of an approval, inside its transaction: whole documents, and numbers without a gap."""
    keep_laws(store, ISSUE_LAWS, {"run": run_id}, "nothing was issued")


def balance_mails(store: Store, month: str, consequence: str) -> None:
    """The laws of the outbox, before a `send` and after it."""
    keep_laws(store, SEND_LAWS, {"month": month}, consequence)


NOT_OF_CORRECTIONS = (
    "every known account has exactly one outcome",
    "every loaded record is rated, suspended or excluded",
    "the rated usage of every document is what its lines are made of",
)
"""Laws of a run that looks at every account and all usage of its month; a correction changes what others hold."""


def balance_correction(store: Store, run_id: str) -> None:
    """The laws of a correction that drafts."""
    laws = {law: query for law, query in LAWS.items() if law not in NOT_OF_CORRECTIONS}
    keep_laws(store, laws, {"run": run_id}, "nothing was drafted")


def balance_files(store: Store) -> None:
    """The laws of what was taken in, for acts that change nothing else."""
    keep_laws(store, FILE_LAWS, {}, "nothing was changed")


def keep_laws(store: Store, laws: dict[str, str], values: dict[str, Any], consequence: str) -> None:
    """Raises Refused naming every law that does not hold and the first rows that break it, and the `consequence`."""
    broken = []
    for law, query in laws.items():
        # DuckDB refuses a parameter that a query does not name.
        asked = {name: value for name, value in values.items() if f"${name}" in query}
        rows = store.rows(query, asked or None)
        if rows:
            broken.append(f"{law}: {len(rows)} times not, first {rows[:3]}")
    if broken:
        raise Refused(f"the books do not balance; {consequence}.\n" + "\n".join(broken))
