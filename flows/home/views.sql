-- What the working database's rows come to, each rule once. Beside these every feed of master data has current_<feed>:
-- per key the last row of the last file (flows/home/views.py).

-- A run is in the state of its last event.
create or replace view run_states as
select
    runs.*,
    latest.state,
    latest.approved_by,
    latest.approved_at
from (from runs qualify row_number() over (partition by run_id order by run_seq desc) = 1) as runs
left join (
    select
        run_id,
        arg_max(state, rowid) as state,
        arg_max(by_name, rowid) filter (where state = 'approved') as approved_by,
        arg_max(happened_at, rowid) filter (where state = 'approved') as approved_at
    from run_events
    group by run_id
) as latest using (run_id);

-- Every number that was ever given: by these books, or by some that are gone (RULES 30).
create or replace view given_numbers as
select seller_id, series, year(issue_date) as year, sequence, invoice_number from issued_documents
union all
select
    seller_id,
    regexp_extract(invoice_number, '^(.+)-\d{4}-\d+$', 1),
    regexp_extract(invoice_number, '-(\d{4})-\d+$', 1)::bigint,
    regexp_extract(invoice_number, '-(\d+)$', 1)::bigint,
    invoice_number
from lost_numbers
where invoice_number not in (select invoice_number from issued_documents);

-- So is a mail in that of its last step.
create or replace view mail_states as
select
    message_id,
    any_value(invoice_number) as invoice_number,
    any_value(invoice_month) as invoice_month,
    -- The last one that is known: empty where the books that knew it are gone.
    coalesce(arg_max(nullif(recipient, ''), rowid), any_value(recipient)) as recipient,
    arg_max(sender, rowid) as sender,
    arg_max(state, rowid) as state,
    arg_max(detail, rowid) as detail,
    arg_max(late_reason, rowid) as late_reason,
    arg_max(by_name, rowid) as by_name,
    arg_max(happened_at, rowid) as happened_at
from delivery_events
group by message_id;

-- What issued documents come to, each counted once: those that are no reversal and not reversed by one (RULES 24,
-- DESIGN decision 4). goes_with: the number of the document that an adjustment adds to, else its own.
create or replace view standing_documents as
select i.*, case when o.correction = 'adjustment' then o.corrects else i.invoice_number end as goes_with
from issued_documents as i
join documents as o on o.run_id = i.run_id and o.draft_id = i.draft_id
where o.correction is distinct from 'reversal' and i.invoice_number not in (
    select c.corrects from documents as c join issued_documents as n on n.run_id = c.run_id and n.draft_id = c.draft_id
    where c.correction = 'reversal');

-- What is billed as a call or message: loaded, or gone with its file and still on a document.
create or replace view usage_records as
select usage_no, usage_id, source, direction, from_number, to_number, duration_s, source_file, source_line
from feed_calls
union all
select usage_no, usage_id, source, direction, from_number, to_number, 0::bigint, source_file, source_line
from feed_messages
union all
from kept_usage;

-- Rated usage with all that is known of it. Whoever needs no more than amounts, units, accounts or rates reads rated
-- with rated_for and rated_by: that is three times as fast.
create or replace view rated_usage as
select
    f.run_id, u.usage_id, u.source, case b.category when 'sms' then 'sms' else 'voice' end as kind, f.account_id,
    r.started_at, r.local_date, f.usage_month, u.direction, u.from_number, u.to_number, b.destination, b.country,
    b.category, b.jurisdiction, u.duration_s, r.billable_units, r.included_units,
    r.billable_units - r.included_units as charged_units,
    case b.category when 'sms' then 'credit' else 'second' end as unit, r.amount_num, r.amount_den, r.amount,
    f.currency, b.rate_id, f.billing_group, f.billed_as, f.invoice_month, f.draft_id, u.source_file, u.source_line,
    r.usage_no, r.for_no, r.rowid as row_id
from rated as r
join rated_for as f on f.for_no = r.for_no
join rated_by as b on b.by_no = r.by_no
left join usage_records as u on u.usage_no = r.usage_no;
