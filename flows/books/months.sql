-- The snapshot's tables of one invoice month each, {month}, and what of the books decides which rows they hold.
-- A month in which nothing happened is taken over from the last snapshot (flows/books/published_months.py).

-- What happened to a month, in one word each: its runs and their events, documents with their hashes, zones of accounts.
-- name: events
with acts as (
    select run_id, string_agg(concat(state, happened_at), ' ' order by rowid) as acts from run_events group by run_id
),
runs as (
    select invoice_month, string_agg(concat_ws(' ', run_id, run_seq, kind, inputs_sha256, acts), ' '
        order by run_seq, run_id) as runs
    from run_states left join acts using (run_id) group by invoice_month
),
drafts as (
    select run_id, draft_id, hash(document_json) as content from documents
    where run_id in (select run_id from run_states where state = 'drafted')
),
papers as (
    select d.invoice_month, count(*) as documents, sum(hash(
        d.run_id, d.draft_id, d.invoice_number, d.issue_date, d.total, i.document_sha256, n.content)::hugeint) as hashes
    from documents_in_force as d
    left join issued_documents as i on i.run_id = d.run_id and i.draft_id = d.draft_id
    left join drafts as n on n.run_id = d.run_id and n.draft_id = d.draft_id
    group by d.invoice_month
),
zones as (
    select r.invoice_month, sum(hash(z.account_id, z.time_zone, z.from_day, z.to_day)::hugeint) as hashes
    from (select distinct run_id, account_id from run_accounts) as a
    join run_states as r using (run_id) join account_zones as z using (account_id)
    group by r.invoice_month
)
select coalesce(r.invoice_month, p.invoice_month) as invoice_month,
    md5(concat_ws(' ', r.runs, p.documents, p.hashes, z.hashes)) as events
from runs as r full join papers as p on p.invoice_month = r.invoice_month
left join zones as z on z.invoice_month = r.invoice_month
where coalesce(r.invoice_month, p.invoice_month) is not null
order by 1;

-- Runs of the months that are looked at. Of one that does not stand only what was issued counts.
-- name: month_runs
create or replace temp table month_runs as
select run_id, run_seq, invoice_month, kind, list_contains($touched, invoice_month) as is_touched,
    state = 'approved' or (state = 'drafted' and kind <> 'correction') as stands
from run_states where list_contains($touched, invoice_month) or list_contains($beside, invoice_month);

-- name: month_issued
create or replace temp table month_issued as
select distinct run_id, account_id from issued_documents where run_id in (select run_id from month_runs);

-- Accounts that hold no document of a run that stands: their usage may go on to a later month.
-- name: month_open
create or replace temp table month_open as
select distinct a.run_id, a.account_id from run_accounts as a
left join month_issued as i on i.run_id = a.run_id and i.account_id = a.account_id
where a.run_id in (select run_id from month_runs where stands) and i.run_id is null;

-- Records with an outcome that no file holds any more. {suspects}: of which files that can be so.
-- name: usage_gone
create or replace temp table usage_gone as
with suspects as (
    select usage_id from rated_usage where {suspects} and run_id in (select run_id from month_runs)
    union select usage_id from suspended_usage where {suspects} and run_id in (select run_id from month_runs)
    union select usage_id from excluded_usage where {suspects} and run_id in (select run_id from month_runs)
)
select usage_id from suspects
except (select usage_id from feed_calls union all select usage_id from feed_messages);

-- Usage that no document holds and that another run may answer for.
-- name: usage_open
create or replace temp table usage_open as
with open as (
    select u.usage_id, r.run_seq, r.is_touched from rated_usage as u
    join month_open as o on o.run_id = u.run_id and o.account_id = u.account_id
    join month_runs as r on r.run_id = u.run_id
    union all
    select u.usage_id, r.run_seq, r.is_touched from suspended_usage as u join month_runs as r on r.run_id = u.run_id
    left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    where r.stands or i.run_id is not null
    union all
    select u.usage_id, r.run_seq, r.is_touched from excluded_usage as u join month_runs as r on r.run_id = u.run_id
    left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    where r.stands or i.run_id is not null
)
select * from open where usage_id not in (select usage_id from usage_gone);

-- Records that several runs answer for: the latest decides. Of the months that are not touched only those count that are
-- open, or that are open elsewhere.
-- name: usage_contested
create or replace temp table usage_contested as
with candidates as (
    select usage_id, run_seq from usage_open
    union all
    select u.usage_id, r.run_seq from rated_usage as u
    join month_runs as r on r.run_id = u.run_id
    join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    where r.is_touched
    union all
    select u.usage_id, r.run_seq from rated_usage as u
    join month_runs as r on r.run_id = u.run_id
    join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    where not r.is_touched and u.usage_id in (select usage_id from usage_open)
)
select usage_id, max(run_seq) as run_seq from candidates
group by usage_id having min(run_seq) <> max(run_seq);

-- name: rated_usage
select u.* exclude (amount_num, amount_den, usage_no, for_no, row_id), d.invoice_number, g.usage_id is null as is_loaded, z.time_zone
from rated_usage as u
join month_runs as r on r.run_id = u.run_id and r.invoice_month = '{month}'
left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
left join usage_gone as g on g.usage_id = u.usage_id
left join usage_contested as c on c.usage_id = u.usage_id
left join documents_in_force as d on d.run_id = u.run_id and d.draft_id = u.draft_id
left join account_zones as z on z.account_id = u.account_id and u.local_date >= z.from_day and u.local_date < z.to_day
where (r.stands or i.run_id is not null) and (g.usage_id is null or i.run_id is not null)
    and coalesce(c.run_seq = r.run_seq, true)
order by u.account_id, u.started_at, u.usage_id, u.source_file, u.source_line;

-- name: suspended_usage
with mine as (
    select u.* from suspended_usage as u
    join month_runs as r on r.run_id = u.run_id and r.invoice_month = '{month}'
    left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    left join usage_contested as c on c.usage_id = u.usage_id
    where (r.stands or i.run_id is not null) and coalesce(c.run_seq = r.run_seq, true)
        and u.usage_id not in (select usage_id from usage_gone)
),
-- A file that was rolled back may have left its records to another.
files as (
    select file_seq from source_files
    where source_file in (select source_file from mine) or exists (from audit_log where act = 'rollback')
),
said as (
    select usage_id, direction, from_number, to_number, extension from feed_calls
    where usage_id in (select usage_id from mine) and file_seq in (select file_seq from files)
    union all
    select usage_id, direction, from_number, to_number, null from feed_messages
    where usage_id in (select usage_id from mine) and file_seq in (select file_seq from files)
)
select u.* exclude (usage_no), s.direction, shown_number(s.from_number) as from_number,
    shown_number(s.to_number) as to_number, s.extension
from mine as u left join said as s on s.usage_id = u.usage_id
order by u.account_id, u.started_at, u.usage_id, u.source_file, u.source_line;

-- name: excluded_usage
select u.* exclude (usage_no) from excluded_usage as u
join month_runs as r on r.run_id = u.run_id and r.invoice_month = '{month}'
left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
left join usage_contested as c on c.usage_id = u.usage_id
where (r.stands or i.run_id is not null) and coalesce(c.run_seq = r.run_seq, true)
    and u.usage_id not in (select usage_id from usage_gone)
order by u.account_id, u.started_at, u.usage_id, u.source_file, u.source_line;

-- name: line_usage
select d.invoice_number, u.* exclude (amount_num, amount_den, usage_no)
from line_usage as u
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = u.run_id and d.draft_id = u.draft_id
where u.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.invoice_number, u.line_no, u.usage_id, u.component, u.allowance_id, u.units, u.amount;

-- name: invoice_lines
select d.invoice_number, d.currency, l.*
from invoice_lines as l
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = l.run_id and d.draft_id = l.draft_id
where l.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.invoice_number, l.line_no;

-- name: line_discounts
select d.invoice_number, g.*
from line_discounts as g
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = g.run_id and d.draft_id = g.draft_id
where g.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.invoice_number, g.line_no, g.discount_key;

-- name: invoice_taxes
select d.invoice_number, d.currency, t.*
from invoice_taxes as t
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = t.run_id and d.draft_id = t.draft_id
where t.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.invoice_number, t.tax_no;

-- What documents say their accounts were granted. They count minutes with two decimals, which are whole seconds again.
-- name: meters
with said as (
    select d.account_id, d.currency, d.invoice_number, r.run_seq,
        unnest(from_json(o.document_json -> '$.allowances',
            '[{{"allowance_id": "VARCHAR", "usage_month": "VARCHAR", "unit": "VARCHAR", "granted": "DECIMAL(38, 2)"}}]'
        )) as meter
    from documents_in_force as d join run_states as r using (run_id)
    join documents as o on o.run_id = d.run_id and o.draft_id = d.draft_id
    where d.kind = 'invoice' and d.invoice_month = '{month}' and o.invoice_month = '{month}'
        and o.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
)
select account_id, meter.usage_month as usage_month, meter.allowance_id as allowance,
    case meter.unit when 'credit' then 'credit' else 'second' end as unit,
    sum(round(meter.granted * case meter.unit when 'minute' then 60 else 1 end))::bigint as granted_units,
    currency, run_seq, max(invoice_number) as invoice_number
from said group by all
order by all;

-- Usage of the months looked at that may still go elsewhere, as it stands now.
-- name: open_rated
select r.invoice_month, count(*) || ' ' || bit_xor(hash(u.run_id, u.usage_id)) as content
from rated_usage as u
join month_open as o on o.run_id = u.run_id and o.account_id = u.account_id
join month_runs as r on r.run_id = u.run_id
left join usage_contested as c on c.usage_id = u.usage_id
where coalesce(c.run_seq = r.run_seq, true) group by 1;

-- name: open_suspended
select r.invoice_month, count(*) || ' ' || bit_xor(hash(u.run_id, u.usage_id)) as content
from suspended_usage as u join month_runs as r on r.run_id = u.run_id
left join usage_contested as c on c.usage_id = u.usage_id
where coalesce(c.run_seq = r.run_seq, true) group by 1;

-- name: open_excluded
select r.invoice_month, count(*) || ' ' || bit_xor(hash(u.run_id, u.usage_id)) as content
from excluded_usage as u join month_runs as r on r.run_id = u.run_id
left join usage_contested as c on c.usage_id = u.usage_id
where coalesce(c.run_seq = r.run_seq, true) group by 1;

-- The time from the first to the last record that a month's runs looked at.
-- name: spans
select r.invoice_month, min(u.started_at) as first_at, max(u.started_at) as last_at
from (
    select run_id, started_at from rated_usage where run_id in (select run_id from month_runs)
    union all select run_id, started_at from suspended_usage where run_id in (select run_id from month_runs)
    union all select run_id, started_at from excluded_usage where run_id in (select run_id from month_runs)
) as u join month_runs as r on r.run_id = u.run_id group by 1;

-- Other months that hold records which a correction has rated again.
-- name: corrected_elsewhere
with again as (
    select usage_id from rated_usage where run_id in (select run_id from month_runs where kind = 'correction')
    union select usage_id from suspended_usage where run_id in (select run_id from month_runs where kind = 'correction')
    union select usage_id from excluded_usage where run_id in (select run_id from month_runs where kind = 'correction')
)
select distinct r.invoice_month from rated_usage as u join run_states as r on r.run_id = u.run_id
where not list_contains($touched, r.invoice_month) and u.usage_id in (select usage_id from again);

-- Loaded usage without an outcome, and why: it belongs to a later month
-- (zones differ from UTC by at most 14 hours), it came after the last whole run, or, a defect, it was lost.
-- {files}: the files that hold more records than have an outcome.
-- name: pending_usage
create table snapshot.base.pending_usage as
with loaded as (
    select 'calls' as feed, usage_id, account_id, started_at, duration_s, source_file, source_line, file_seq
        from feed_calls where file_seq in {files}
    union all
    select 'messages', usage_id, account_id, sent_at, 0, source_file, source_line, file_seq
        from feed_messages where file_seq in {files}
),
horizon as (
    select max(strptime(invoice_month || '-01', '%Y-%m-%d')::timestamptz - interval 14 hours) as month_edge,
        max(drafted_at) as drafted_at
    from run_states where state in ('drafted', 'approved') and coalesce(len(only_accounts), 0) = 0
        and kind <> 'correction'
),
ended as (
    select usage_id from snapshot.base.rated_usage where usage_id in (select usage_id from loaded)
    union all select usage_id from snapshot.base.suspended_usage where usage_id in (select usage_id from loaded)
    union all select usage_id from snapshot.base.excluded_usage where usage_id in (select usage_id from loaded)
)
select l.* exclude (file_seq),
    case when h.month_edge is null then 'no_run_yet'
        when l.started_at >= h.month_edge then 'later_month' when s.ingested_at > h.drafted_at then 'after_last_run'
        else 'no_outcome' end as reason
from loaded as l
cross join horizon as h
join source_files as s on s.file_seq = l.file_seq
where l.usage_id not in (select usage_id from ended)
order by l.source_file, l.source_line;

-- Files of usage of which more records are loaded than have an outcome.
-- name: short_files
with loaded as (
    select s.source_file, count(*) as records
    from (select file_seq from feed_calls union all select file_seq from feed_messages) as f
    join source_files as s on s.file_seq = f.file_seq group by 1
),
ended as (select source_file, sum(records) as records from snapshot.base.month_files group by 1)
select s.file_seq from loaded as l left join ended as e on e.source_file = l.source_file
join source_files as s on s.source_file = l.source_file
where l.records > coalesce(e.records, 0) order by 1;
