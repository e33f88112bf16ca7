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

-- Of rated usage: the accounts in a run whose it is. counts: whether it may stand, as far as its run is asked.
-- name: month_for
create or replace temp table month_for as
select f.* exclude (invoice_month), r.invoice_month, r.run_seq, r.is_touched, i.run_id is not null as is_issued, o.run_id is not null as is_open,
    r.stands or i.run_id is not null as counts
from rated_for as f join month_runs as r on r.run_id = f.run_id
left join month_issued as i on i.run_id = f.run_id and i.account_id = f.account_id
left join month_open as o on o.run_id = f.run_id and o.account_id = f.account_id;

-- Numbers of records whose file was taken back out, and which number the same record has now: that of the file that
-- brought it again, else the last it had.
-- name: usage_same
create or replace temp table usage_same as
with lost as (
    select usage_no, usage_id from kept_usage
    union
    select usage_no, usage_id from (
        select usage_no, usage_id from suspended_usage union all select usage_no, usage_id from excluded_usage
    ) where usage_no // 4294967296 not in (select file_seq from source_files where state = 'loaded')
),
there as (
    select usage_no, usage_id from feed_calls where usage_id in (select usage_id from lost)
    union all
    select usage_no, usage_id from feed_messages where usage_id in (select usage_id from lost)
),
known as (select *, false as is_there from lost union all select *, true from there)
select usage_no, same_no
from (select *, arg_max(usage_no, (is_there::integer, usage_no)) over (partition by usage_id) as same_no from known)
where same_no <> usage_no;

-- Outcomes with the number that their record has now. One without a number came from a file that nobody knows; its
-- record may have come again.
-- name: usage_unnumbered
create or replace temp table usage_unnumbered as
with lost as (
    select usage_id from suspended_usage where usage_no is null
    union
    select usage_id from excluded_usage where usage_no is null
)
select usage_id, max(usage_no) as usage_no
from (select usage_id, usage_no from feed_calls union all select usage_id, usage_no from feed_messages)
where usage_id in (select usage_id from lost) group by usage_id;

-- name: rated_now
create or replace temp view rated_now as
select u.*, coalesce(s.same_no, u.usage_no) as same_no
from rated as u left join usage_same as s on s.usage_no = u.usage_no;

-- name: suspended_now
create or replace temp view suspended_now as
select u.*, coalesce(s.same_no, u.usage_no, n.usage_no) as same_no
from suspended_usage as u left join usage_same as s on s.usage_no = u.usage_no
left join usage_unnumbered as n on u.usage_no is null and n.usage_id = u.usage_id;

-- name: excluded_now
create or replace temp view excluded_now as
select u.*, coalesce(s.same_no, u.usage_no, n.usage_no) as same_no
from excluded_usage as u left join usage_same as s on s.usage_no = u.usage_no
left join usage_unnumbered as n on u.usage_no is null and n.usage_id = u.usage_id;

-- Records with an outcome that no file holds any more.
-- name: usage_gone
create or replace temp table usage_gone as
with outcomes as (
    select same_no from rated_now where for_no in (select for_no from month_for)
    union all
    select same_no from suspended_now where run_id in (select run_id from month_runs)
    union all
    select same_no from excluded_now where run_id in (select run_id from month_runs)
)
select same_no from outcomes where same_no is not null
except (select usage_no from feed_calls union all select usage_no from feed_messages);

-- Usage that no document holds and that another run may answer for.
-- name: usage_open
create or replace temp table usage_open as
with open as (
    select u.same_no, f.run_seq, f.is_touched from rated_now as u join month_for as f on f.for_no = u.for_no and f.is_open
    union all
    select u.same_no, r.run_seq, r.is_touched from suspended_now as u join month_runs as r on r.run_id = u.run_id
    left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    where r.stands or i.run_id is not null
    union all
    select u.same_no, r.run_seq, r.is_touched from excluded_now as u join month_runs as r on r.run_id = u.run_id
    left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
    where r.stands or i.run_id is not null
)
select * from open where same_no is not null and same_no not in (select same_no from usage_gone);

-- Records that several runs answer for: the latest decides. Of the months that are not touched only those count that are
-- open, or that are open elsewhere.
-- name: usage_contested
create or replace temp table usage_contested as
with candidates as (
    select same_no, run_seq from usage_open
    union all
    select u.same_no, f.run_seq from rated_now as u join month_for as f on f.for_no = u.for_no
    where f.is_issued and f.is_touched
    union all
    select u.same_no, f.run_seq from rated_now as u join month_for as f on f.for_no = u.for_no
    where f.is_issued and not f.is_touched and u.same_no in (select same_no from usage_open)
)
select same_no, max(run_seq) as run_seq from candidates
group by same_no having min(run_seq) <> max(run_seq);

-- What of a month's usage counts: rated, suspended and excluded.
-- name: month_rated
create or replace temp table month_rated as
select u.* exclude (same_no), g.same_no is null as is_loaded
from rated_now as u join month_for as f on f.for_no = u.for_no and f.invoice_month = '{month}' and f.counts
left join usage_gone as g on g.same_no = u.same_no
left join usage_contested as c on c.same_no = u.same_no
where (g.same_no is null or f.is_issued) and coalesce(c.run_seq = f.run_seq, true);

-- name: month_suspended
create or replace temp table month_suspended as
select u.* from suspended_now as u
join month_runs as r on r.run_id = u.run_id and r.invoice_month = '{month}'
left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
left join usage_contested as c on c.same_no = u.same_no
where (r.stands or i.run_id is not null) and coalesce(c.run_seq = r.run_seq, true)
    and u.same_no is not null and u.same_no not in (select same_no from usage_gone);

-- name: month_excluded
create or replace temp table month_excluded as
select u.* from excluded_now as u
join month_runs as r on r.run_id = u.run_id and r.invoice_month = '{month}'
left join month_issued as i on i.run_id = u.run_id and i.account_id = u.account_id
left join usage_contested as c on c.same_no = u.same_no
where (r.stands or i.run_id is not null) and coalesce(c.run_seq = r.run_seq, true)
    and u.same_no is not null and u.same_no not in (select same_no from usage_gone);

-- All that a month's tables are made of, but for the numbers that its documents get: what has the same basis as the
-- table of the last snapshot was made of has the same rows.
-- name: rated_basis
with whose as (
    select for_no, run_id, account_id, hash(
        run_id, account_id, currency, billing_group, usage_month, billed_as, invoice_month, draft_id) as content
    from month_for where invoice_month = '{month}'
),
files as (
    select hash(file_seq, source_file, sha256) as content from source_files
    where file_seq in (select distinct usage_no // 4294967296 from month_rated)
),
papers as (
    select hash(run_id, draft_id) as content from documents_in_force where run_id in (select run_id from whose)
),
zones as (select hash(z) as content from account_zones as z where account_id in (select account_id from whose))
select concat_ws(' ', count(*), sum(hash(u, w.content, b.content)::hugeint),
    (select sum(content::hugeint) from files), (select sum(content::hugeint) from papers),
    (select sum(content::hugeint) from zones))
from month_rated as u join whose as w on w.for_no = u.for_no
join (select by_no, hash(r) as content from rated_by as r) as b on b.by_no = u.by_no;

-- name: suspended_basis
select concat_ws(' ', count(*), sum(hash(u)::hugeint)) from month_suspended as u;

-- name: excluded_basis
select concat_ws(' ', count(*), sum(hash(u)::hugeint)) from month_excluded as u;

-- name: papers_basis
select concat_ws(' ', count(*), sum(hash(
    d.run_id, d.draft_id, d.currency, r.run_seq, r.drafted_at, o.document_json)::hugeint))
from documents_in_force as d join run_states as r on r.run_id = d.run_id
join documents as o on o.run_id = d.run_id and o.draft_id = d.draft_id
where d.invoice_month = '{month}' and o.run_id in (select run_id from documents_in_force where invoice_month = '{month}');

-- Documents that got their numbers since the table was made.
-- name: numbered
update {table} as t set invoice_number = d.invoice_number
from documents_in_force as d
where d.run_id = t.run_id and d.draft_id = t.draft_id and d.invoice_number is distinct from t.invoice_number;

-- The columns of the view rated_usage (flows/home/views.sql), of the records of one month alone.
-- name: rated_usage
with said as (select * from usage_records where usage_no in (select usage_no from month_rated))
select f.run_id, u.usage_id, u.source, case b.category when 'sms' then 'sms' else 'voice' end as kind, f.account_id,
    r.started_at, r.local_date, f.usage_month, u.direction, u.from_number, u.to_number, b.destination, b.country,
    b.category, b.jurisdiction, u.duration_s, r.billable_units, r.included_units,
    r.billable_units - r.included_units as charged_units,
    case b.category when 'sms' then 'credit' else 'second' end as unit, r.amount, f.currency, b.rate_id,
    f.billing_group, f.billed_as, f.invoice_month, f.draft_id, u.source_file, u.source_line,
    d.invoice_number, r.is_loaded, z.time_zone
from month_rated as r
join month_for as f on f.for_no = r.for_no
join rated_by as b on b.by_no = r.by_no
left join said as u on u.usage_no = r.usage_no
left join documents_in_force as d on d.run_id = f.run_id and d.draft_id = f.draft_id
left join account_zones as z on z.account_id = f.account_id and r.local_date >= z.from_day and r.local_date < z.to_day
order by f.account_id, r.started_at, u.usage_id, u.source_file, u.source_line;

-- name: suspended_usage
with said as (
    select usage_no, direction, from_number, to_number, extension from feed_calls
    where usage_no in (select same_no from month_suspended)
    union all
    select usage_no, direction, from_number, to_number, null from feed_messages
    where usage_no in (select same_no from month_suspended)
)
select u.* exclude (usage_no, same_no), s.direction, shown_number(s.from_number) as from_number,
    shown_number(s.to_number) as to_number, s.extension
from month_suspended as u left join said as s on s.usage_no = u.same_no
order by u.account_id, u.started_at, u.usage_id, u.source_file, u.source_line;

-- name: excluded_usage
select * exclude (usage_no, same_no) from month_excluded
order by account_id, started_at, usage_id, source_file, source_line;

-- name: line_usage
select d.invoice_number, u.* exclude (amount_num, amount_den, usage_no)
from line_usage as u
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = u.run_id and d.draft_id = u.draft_id
where u.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.draft_id, d.run_id, u.line_no, u.usage_id, u.component, u.allowance_id, u.units, u.amount;

-- name: invoice_lines
select d.invoice_number, d.currency, l.*
from invoice_lines as l
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = l.run_id and d.draft_id = l.draft_id
where l.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.draft_id, d.run_id, l.line_no;

-- name: line_discounts
select d.invoice_number, g.*
from line_discounts as g
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = g.run_id and d.draft_id = g.draft_id
where g.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.draft_id, d.run_id, g.line_no, g.discount_key;

-- name: invoice_taxes
select d.invoice_number, d.currency, t.*
from invoice_taxes as t
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = t.run_id and d.draft_id = t.draft_id
where t.run_id in (select run_id from documents_in_force where invoice_month = '{month}')
order by d.draft_id, d.run_id, t.tax_no;

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
select f.invoice_month, count(*) || ' ' || bit_xor(hash(f.run_id, u.same_no)) as content
from rated_now as u join month_for as f on f.for_no = u.for_no and f.is_open
left join usage_contested as c on c.same_no = u.same_no
where coalesce(c.run_seq = f.run_seq, true) group by 1;

-- name: open_suspended
select r.invoice_month, count(*) || ' ' || bit_xor(hash(u.run_id, u.same_no)) as content
from suspended_now as u join month_runs as r on r.run_id = u.run_id
left join usage_contested as c on c.same_no = u.same_no
where coalesce(c.run_seq = r.run_seq, true) group by 1;

-- name: open_excluded
select r.invoice_month, count(*) || ' ' || bit_xor(hash(u.run_id, u.same_no)) as content
from excluded_now as u join month_runs as r on r.run_id = u.run_id
left join usage_contested as c on c.same_no = u.same_no
where coalesce(c.run_seq = r.run_seq, true) group by 1;

-- The time from the first to the last record that a month's runs looked at.
-- name: spans
with looked as (
    select f.run_id, min(u.started_at) as first_at, max(u.started_at) as last_at
    from rated as u join rated_for as f on f.for_no = u.for_no
    where f.run_id in (select run_id from month_runs) group by 1
    union all
    select run_id, min(started_at), max(started_at) from suspended_usage
    where run_id in (select run_id from month_runs) group by 1
    union all
    select run_id, min(started_at), max(started_at) from excluded_usage
    where run_id in (select run_id from month_runs) group by 1
)
select r.invoice_month, min(l.first_at), max(l.last_at)
from looked as l join month_runs as r on r.run_id = l.run_id group by 1;

-- Other months that hold records which a correction has rated again.
-- name: corrected_elsewhere
with corrections as (select run_id from month_runs where kind = 'correction'),
again as (
    select same_no from rated_now where for_no in (
        select for_no from rated_for where run_id in (select run_id from corrections))
    union all
    select same_no from suspended_now where run_id in (select run_id from corrections)
    union all
    select same_no from excluded_now where run_id in (select run_id from corrections)
)
select distinct r.invoice_month from rated_for as f join run_states as r on r.run_id = f.run_id
where not list_contains($touched, r.invoice_month)
    and f.for_no in (select for_no from rated_now where same_no in (select same_no from again));

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
