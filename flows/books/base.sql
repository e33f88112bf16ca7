-- The snapshot's tables, made from the working database by publish. Each block runs as one statement.
-- Order of insertion is fixed by every `order by`, so equal content lies in equal order.

-- name: documents_in_force
create or replace temp table documents_in_force as
select
    d.* exclude (document_json, issue_date, due_date),
    coalesce(i.invoice_number, d.draft_id) as invoice_number,
    i.invoice_number is not null as is_issued,
    coalesce(i.issue_date, d.issue_date) as issue_date,
    coalesce(i.due_date, d.due_date) as due_date
from documents as d
left join issued_documents as i on i.run_id = d.run_id and i.draft_id = d.draft_id
left join run_states as r on r.run_id = d.run_id
where i.draft_id is not null or r.state in ('drafted', 'approved');

-- name: loaded_usage
create or replace temp table loaded_usage as
select usage_id from feed_calls union all select usage_id from feed_messages;

-- Outcomes that may count: of a run that stands (a correction only once it is issued), or of an account that holds an issued document of that run. Of a record
-- whose file was taken back out only what was issued stays.
-- name: usage_candidates
create or replace temp table usage_candidates as
with outcomes as (
    select 'rated' as outcome, run_id, usage_id, account_id from rated_usage
    union all select 'suspended', run_id, usage_id, account_id from suspended_usage
    union all select 'excluded', run_id, usage_id, account_id from excluded_usage
)
select o.outcome, o.run_id, o.usage_id, r.run_seq
from outcomes as o
join run_states as r on r.run_id = o.run_id
left join (select distinct run_id, account_id from issued_documents) as i
    on i.run_id = o.run_id and i.account_id = o.account_id
left join loaded_usage as l on l.usage_id = o.usage_id
where (r.state = 'approved' or i.run_id is not null or (r.state = 'drafted' and r.kind <> 'correction'))
    and (l.usage_id is not null or (o.outcome = 'rated' and i.run_id is not null));

-- The latest run decides.
-- name: usage_in_force
create or replace temp table usage_in_force as
select c.* from usage_candidates as c
join (select usage_id, max(run_seq) as run_seq from usage_candidates group by usage_id) using (usage_id, run_seq);

-- Zones by days; versions of an account that do not change its zone are one.
-- name: account_zones
create or replace temp table account_zones as
with versions as (
    select account_id, time_zone, coalesce(effective_from, date '0001-01-01') as from_day from current_accounts
),
moves as (
    select *, time_zone is distinct from lag(time_zone) over (partition by account_id order by from_day) as is_move
    from versions
)
select account_id, time_zone, from_day,
    coalesce(lead(from_day) over (partition by account_id order by from_day), date '9999-12-31') as to_day
from moves where is_move;

-- Of every run, also of those that gave way: what waited, and for how long. No numbers: only the reason and its words.
-- name: suspended_history
create table snapshot.base.suspended_history as
select u.* exclude (usage_no), r.run_seq, r.invoice_month, r.kind as run_kind, r.state as run_state
from suspended_usage as u join run_states as r using (run_id)
order by r.run_seq, u.account_id, u.started_at, u.usage_id, u.source_file, u.source_line;

-- name: rejected_records
create table snapshot.base.rejected_records as
select * exclude (row_key), row_key ->> '$.account_id' as account_id
from rejected_records order by source_file, sha256, source_line, column_name, reason, raw_line;

-- name: duplicate_records
create table snapshot.base.duplicate_records as
select *, null::varchar as column_name, 'duplicate' as reason
from duplicate_records order by source_file, sha256, source_line, of_file, of_line;

-- name: snapshot_missing
create table snapshot.base.snapshot_missing as
select * from snapshot_missing order by feed, source_file, row_key;

-- name: source_files
create table snapshot.base.source_files as
select s.*, u.seconds
from source_files as s
left join (select file_seq, sum(duration_s)::bigint as seconds from feed_calls group by file_seq) as u using (file_seq)
order by s.source_file, s.sha256, s.state;

-- name: latest_accounts
create table snapshot.base.latest_accounts as
select a.*, s.ingested_at as first_ingested_at
from (
    select account_id, arg_max(name, (file_seq, source_line)) as name, any_value(seller_id) as seller_id,
        any_value(currency) as currency, arg_max(country, (file_seq, source_line)) as country,
        arg_max(plan, (file_seq, source_line)) as plan,
        arg_max(billing_start_date, (file_seq, source_line)) as billing_start_date,
        arg_max(end_date, (file_seq, source_line)) as end_date, min(file_seq) as file_seq
    from feed_accounts group by account_id
) as a
left join source_files as s using (file_seq)
order by a.account_id;

-- name: plan_history
create table snapshot.base.plan_history as
with moves as (
    select account_id, plan, valid_from, valid_to, is_latest,
        plan is distinct from lag(plan) over (partition by account_id order by valid_from)
            or lag(valid_to) over (partition by account_id order by valid_from) is distinct from valid_from as is_move
    from snapshot.base.accounts
),
times as (
    select *, sum(is_move::int) over (partition by account_id order by valid_from, valid_to nulls last) as time
    from moves
)
select account_id, any_value(plan) as plan, min(valid_from) as valid_from,
    nullif(max(coalesce(valid_to, date '9999-12-31')), date '9999-12-31') as valid_to, bool_or(is_latest) as is_latest
from times group by account_id, time
order by account_id, valid_from;

-- name: allowances
create table snapshot.base.allowances as
select * exclude (run_seq) from month_meters
qualify row_number() over (partition by account_id, usage_month, allowance, unit order by run_seq desc) = 1
order by account_id, usage_month, allowance, unit;

-- name: run_accounts
create table snapshot.base.run_accounts as
select a.*, r.invoice_month, r.state as run_state, r.run_seq
from run_accounts as a join run_states as r using (run_id)
order by r.invoice_month, a.run_id, a.account_id;

-- name: run_findings
create table snapshot.base.run_findings as
select f.*, r.invoice_month, r.state as run_state
from run_findings as f join run_states as r using (run_id)
order by r.invoice_month, f.run_id, f.account_id, f.kind, f.detail;

-- name: run_differences
create table snapshot.base.run_differences as
select f.*, r.invoice_month, r.state as run_state
from run_differences as f join run_states as r using (run_id)
order by r.invoice_month, f.run_id, f.account_id;

-- name: invoices
create table snapshot.base.invoices as
with sent as (
    select invoice_number, bool_and(state in ('accepted', 'written')) as is_sent from mail_states
    where state <> 'replaced' group by invoice_number
),
replacements as (
    select corrects, min(invoice_number) as replaced_by from documents_in_force
    where is_issued and (correction = 'replacement' or (correction is null and kind = 'invoice')) and corrects is not null
    group by corrects
)
select d.*,
    case when not d.is_issued then 'draft' when s.is_sent then 'sent' else 'issued' end as status,
    n.replaced_by, p.pdf_sha256, p.pdf_file
from documents_in_force as d
left join rendered_documents as p on d.is_issued and p.invoice_number = d.invoice_number
left join sent as s on d.is_issued and s.invoice_number = d.invoice_number
left join replacements as n on n.corrects = d.invoice_number
order by d.invoice_number, d.run_id;

-- name: run_totals
create table snapshot.base.run_totals as
select r.run_id, r.invoice_month, d.seller_id, d.currency, count(*) as documents, sum(d.subtotal) as subtotal,
    sum(d.tax_total) as tax_total, sum(d.total) as total
from documents as d join run_states as r using (run_id)
group by all
order by r.invoice_month, r.run_id, d.seller_id, d.currency;

-- name: traffic_studies
create table snapshot.base.traffic_studies as
select s.*, r.invoice_month
from traffic_studies as s join run_states as r using (run_id)
order by r.invoice_month, s.run_id, s.seller_id, s.account_id;

-- name: bill_runs
create table snapshot.base.bill_runs as
with accounts as (
    select run_id, count(*) as accounts,
        count(*) filter (where outcome = 'billed') as billed,
        count(*) filter (where outcome = 'nothing_to_bill') as nothing_to_bill,
        count(*) filter (where outcome = 'not_started') as not_started,
        count(*) filter (where outcome = 'closed') as closed,
        count(*) filter (where outcome = 'parked') as parked,
        count(*) filter (where outcome = 'excluded') as excluded
    from run_accounts group by run_id
),
money as (
    select run_id, sum(documents)::bigint as documents,
        string_agg(currency || ' ' || regexp_replace(total::varchar, '^(-?\d+\.\d\d\d*?)0*$', '\1'), ', ' order by currency)
            as totals
    from (select run_id, currency, sum(documents) as documents, sum(total) as total
          from snapshot.base.run_totals group by all)
    group by run_id
),
issued as (select run_id, count(*) as issued from issued_documents group by run_id)
select r.*, nullif(array_to_string(list_sort(r.only_accounts), ', '), '') as for_accounts, a.* exclude (run_id),
    coalesce(m.documents, 0) as documents, coalesce(i.issued, 0) as issued, m.totals
from run_states as r
left join accounts as a using (run_id)
left join money as m using (run_id)
left join issued as i using (run_id)
order by r.invoice_month, r.run_id;

-- name: deliveries
create table snapshot.base.deliveries as
select m.*, coalesce(i.account_id, c.account_id) as account_id, coalesce(i.seller_id, c.seller_id) as seller_id,
    c.subscription_id, c.last_billed_on
from mail_states as m
left join issued_documents as i using (invoice_number)
left join confirmations as c using (message_id)
order by m.invoice_month, m.invoice_number, m.message_id;

-- name: audit_log
create table snapshot.base.audit_log as
select * from audit_log order by seq;

-- name: erased
create table snapshot.base.erased as
select account_id, until_month, by_name, erased_at, reason from erased order by all;
