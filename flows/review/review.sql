-- The review's tables, over the snapshot's views. Variables: month and previous (YYYY-MM).

-- name: runs
select run_id, kind, state, drafted_by, approved_by, for_accounts, accounts, documents, issued
from bill_runs
where invoice_month = getvariable('month') and state in ('drafted', 'approved')
order by run_seq;

-- name: outcomes
with last as (
    from run_accounts
    where invoice_month = getvariable('month') and run_state in ('drafted', 'approved')
    qualify row_number() over (partition by account_id order by outcome = 'excluded', run_seq desc) = 1
)
select outcome, count(*) as accounts from last group by outcome order by outcome;

-- name: parked
with last as (
    from run_accounts
    where invoice_month = getvariable('month') and run_state in ('drafted', 'approved')
    qualify row_number() over (partition by account_id order by outcome = 'excluded', run_seq desc) = 1
)
select l.account_id, a.name, l.seller_id, l.code, l.reason, l.currency, coalesce(l.previous_total, 0) as previous_total
from last as l left join latest_accounts as a using (account_id)
where l.outcome = 'parked' order by l.account_id;

-- name: totals
with fees as (
    select invoice_number, sum(amount) filter (where kind = 'recovery_fee') as recovery_fees,
        sum(amount) filter (where kind = 'tax') as taxes
    from invoice_taxes group by invoice_number
),
months as (
    select i.seller_id, i.currency, i.invoice_month = getvariable('month') as is_now, count(*) as documents,
        sum(i.subtotal) as net, coalesce(sum(f.recovery_fees), 0) as recovery_fees,
        coalesce(sum(f.taxes), 0) as taxes, sum(i.total) as total
    from invoices as i left join fees as f using (invoice_number)
    where i.invoice_month in (getvariable('month'), getvariable('previous'))
    group by all
)
select seller_id, currency, coalesce(sum(documents) filter (where is_now), 0)::bigint as documents,
    coalesce(sum(net) filter (where is_now), 0) as net,
    coalesce(sum(recovery_fees) filter (where is_now), 0) as recovery_fees,
    coalesce(sum(taxes) filter (where is_now), 0) as taxes,
    coalesce(sum(total) filter (where is_now), 0) as total,
    coalesce(sum(total) filter (where not is_now), 0) as previous_total,
    coalesce(sum(total) filter (where is_now), 0) - coalesce(sum(total) filter (where not is_now), 0) as difference
from months group by seller_id, currency order by seller_id, currency;

-- name: sections
select i.seller_id, l.currency, l.section,
    count(*) filter (where i.invoice_month = getvariable('month')) as lines,
    coalesce(sum(l.amount) filter (where i.invoice_month = getvariable('month')), 0) as total,
    coalesce(sum(l.amount) filter (where i.invoice_month = getvariable('previous')), 0) as previous_total,
    coalesce(sum(l.amount) filter (where i.invoice_month = getvariable('month')), 0)
        - coalesce(sum(l.amount) filter (where i.invoice_month = getvariable('previous')), 0) as difference
from invoice_lines as l join invoices as i using (invoice_number)
where i.invoice_month in (getvariable('month'), getvariable('previous'))
group by i.seller_id, l.currency, l.section order by i.seller_id, l.currency, total desc, l.section;

-- Up to twelve months, this one last.
-- name: history
select seller_id, currency, invoice_month, sum(total) as total from invoices
where invoice_month <= getvariable('month')
    and invoice_month > strftime((getvariable('month') || '-01')::date - interval 12 months, '%Y-%m')
group by all order by seller_id, currency, invoice_month;

-- name: documents
select i.seller_id, i.invoice_number, i.account_id, a.name, i.kind, i.currency, i.subtotal as net, i.tax_total, i.total,
    i.issue_date, i.due_date, i.status, i.correction, i.corrects, i.run_id, i.draft_id
from invoices as i left join latest_accounts as a using (account_id)
where i.invoice_month = getvariable('month') order by i.seller_id, i.invoice_number;

-- name: taxes
-- A rate is a percentage of its base, or an amount for each line: then it has no base.
with owed as (
    select i.seller_id, t.*, t.unit is not distinct from 'amount_per_line' as is_per_line
    from invoice_taxes as t join invoices as i using (invoice_number)
    where i.invoice_month = getvariable('month')
)
select seller_id, jurisdiction, tax_code, kind, case when not is_per_line then rate_percent end as rate_percent,
    case when is_per_line then rate_amount end as rate_amount, currency, count(*) as entries,
    sum(base_amount) as base, sum(exempt_amount) as exempt, sum(amount) as amount
from owed group by all
order by seller_id, kind desc, jurisdiction, tax_code, currency, rate_percent, rate_amount;

-- name: changes
with parts as (
    select i.account_id, i.currency, i.invoice_month, l.section, l.amount
    from invoice_lines as l join invoices as i using (invoice_number)
    union all
    select account_id, currency, invoice_month, 'taxes_and_fees', tax_total from invoices
),
moved as (
    select account_id, currency, section,
        coalesce(sum(amount) filter (where invoice_month = getvariable('month')), 0) as total,
        coalesce(sum(amount) filter (where invoice_month = getvariable('previous')), 0) as previous_total,
        total - previous_total as difference
    from parts
    where account_id in (select account_id from invoices where invoice_month = getvariable('month'))
        and account_id in (select account_id from invoices where invoice_month = getvariable('previous'))
    group by account_id, currency, section
)
select count(*) over () as in_all, m.account_id, a.name, m.currency, sum(m.previous_total) as previous_total,
    sum(m.total) as total,
    sum(m.difference) as difference,
    list({'section': m.section, 'difference': m.difference} order by abs(m.difference) desc, m.section)
        filter (where m.difference <> 0) as sections
from moved as m left join latest_accounts as a using (account_id)
group by m.account_id, a.name, m.currency having sum(m.difference) <> 0
order by abs(sum(m.difference)) desc, m.account_id limit 50;

-- name: new_accounts
select i.account_id, a.name, i.seller_id, i.currency, sum(i.total) as total
from invoices as i left join latest_accounts as a using (account_id)
where i.invoice_month = getvariable('month') and i.account_id not in (
    select account_id from invoices where invoice_month < getvariable('month') and account_id is not null)
group by all order by i.account_id;

-- name: ceased_accounts
select i.account_id, a.name, i.seller_id, i.currency, sum(i.total) as previous_total,
    any_value(r.outcome) as outcome
from invoices as i left join latest_accounts as a using (account_id)
left join (
    from run_accounts where invoice_month = getvariable('month') and run_state in ('drafted', 'approved')
    qualify row_number() over (partition by account_id order by outcome = 'excluded', run_seq desc) = 1
) as r on r.account_id = i.account_id
where i.invoice_month = getvariable('previous') and i.account_id not in (
    select account_id from invoices where invoice_month = getvariable('month') and account_id is not null)
group by i.account_id, a.name, i.seller_id, i.currency order by i.account_id;

-- name: credits
select i.invoice_number, i.account_id, a.name, i.currency, i.kind as what, i.corrects as detail, i.total as amount
from invoices as i left join latest_accounts as a using (account_id)
where i.invoice_month = getvariable('month') and (i.kind = 'credit_note' or i.total < 0)
union all
select l.invoice_number, l.account_id, a.name, l.currency, 'credit line', l.description, l.amount
from invoice_lines as l join invoices as i using (invoice_number) left join latest_accounts as a on a.account_id = l.account_id
where i.invoice_month = getvariable('month') and l.charge_type = 'credit'
order by 1, 5, 6;

-- name: replaced
select account_id, currency, before as previous_total, after as total, after - before as difference, reason,
    json_array_length(changes) as entries
from run_differences where invoice_month = getvariable('month') and run_state in ('drafted', 'approved')
order by abs(after - before) desc, account_id;

-- name: corrections
select i.account_id, a.name, i.invoice_number, i.correction, i.corrects, i.status, i.currency, i.total
from invoices as i left join latest_accounts as a using (account_id)
where i.invoice_month = getvariable('month') and i.correction is not null
order by i.account_id, i.corrects, i.correction desc;

-- name: written_off
select account_id, usage_month, kind, currency, count(*) as records, coalesce(sum(duration_s), 0)::bigint as seconds,
    sum(amount) as amount, min(source_file) as example
from rated_usage where billed_as = 'written_off' and invoice_month = getvariable('month')
group by all order by amount desc, account_id, usage_month;

-- name: late
select account_id, usage_month, kind, currency, count(*) as records, coalesce(sum(duration_s), 0)::bigint as seconds,
    sum(amount) as amount, min(source_file) as example
from rated_usage where billed_as = 'prior_period' and invoice_month = getvariable('month')
group by all order by amount desc, account_id, usage_month;

-- name: findings
select account_id, kind, detail from run_findings
where invoice_month = getvariable('month') and run_state in ('drafted', 'approved')
order by account_id, kind, detail;

-- name: files
-- Records of the files that are loaded; those that were refused or rolled back are counted as files.
select feed, count(*) filter (where is_in) as files, coalesce(sum(records) filter (where is_in), 0)::bigint as records,
    coalesce(sum(loaded) filter (where is_in), 0)::bigint as loaded,
    coalesce(sum(rejected) filter (where is_in), 0)::bigint as rejected,
    coalesce(sum(duplicate) filter (where is_in), 0)::bigint as duplicate,
    count(*) filter (where state = 'refused') as refused, count(*) filter (where state = 'rolled_back') as rolled_back
from (select *, state = 'loaded' as is_in from source_files) group by feed order by feed;

-- Refused when they came last, and their content loaded under no other name; since the first refusal after a load.
-- name: refused_files
with named as (
    select *, max(ingested_at) filter (where state = 'loaded') over (partition by source_file) as loaded_at
    from source_files
),
last as (
    select *, min(ingested_at) filter (where state = 'refused' and (loaded_at is null or ingested_at > loaded_at))
        over (partition by source_file) as refused_since
    from named qualify row_number() over (partition by source_file order by ingested_at desc, state) = 1
)
select source_file, feed, detail, (refused_since at time zone 'UTC')::date as refused_since
from last where state = 'refused' and not exists (
    from source_files as o where o.sha256 = last.sha256 and o.state = 'loaded' and o.ingested_at >= last.ingested_at)
order by source_file;

-- name: usage
with outcomes as (
    select case kind when 'voice' then 'calls' else 'messages' end as feed, 'rated' as outcome, duration_s
    from rated_usage where is_loaded
    union all select feed, 'suspended', duration_s from suspended_usage
    union all select feed, 'excluded', duration_s from excluded_usage
    union all select feed, 'pending', duration_s from pending_usage
),
loaded as (
    select feed, sum(loaded)::bigint as records, coalesce(sum(seconds), 0)::bigint as seconds from source_files
    where feed in ('calls', 'messages') and state not in ('refused', 'rolled_back') group by feed
)
select feed, 'loaded' as outcome, records, seconds from loaded
union all
select feed, outcome, count(*), coalesce(sum(duration_s), 0)::bigint from outcomes group by feed, outcome
order by feed, case outcome when 'loaded' then 1 when 'rated' then 2 when 'suspended' then 3 when 'excluded' then 4 end,
    outcome;

-- name: excluded
select feed, reason, count(*) as records, coalesce(sum(duration_s), 0)::bigint as seconds,
    count(distinct account_id) as accounts
from excluded_usage group by feed, reason order by feed, records desc, reason;

-- name: suspended
with estimates as (
    select feed, reason, list({'currency': estimate_currency, 'amount': amount} order by estimate_currency) as estimates
    from (select feed, reason, estimate_currency, sum(estimate) as amount from suspended_usage
          where estimate is not null group by all)
    group by feed, reason
)
select s.feed, s.reason, count(*) as records, coalesce(sum(s.duration_s), 0)::bigint as seconds,
    count(distinct s.account_id) as accounts, any_value(e.estimates) as estimates,
    count(*) filter (where s.estimate is null) as without_estimate, min(s.detail) as example
from suspended_usage as s left join estimates as e using (feed, reason)
group by s.feed, s.reason order by s.feed, records desc, s.reason;

-- The number at fault: the one that should have told whose the usage is, or else the one at the other end.
-- name: suspended_numbers
with ends as (
    select *, case when direction = 'inbound' then to_number else from_number end as near_number,
        case when direction = 'inbound' then from_number else to_number end as far_number,
        reason in ('no_owner', 'owner_conflict', 'unknown_account', 'account_closed', 'no_plan') as is_near
    from suspended_usage
),
counted as (
    select feed, reason, direction, case when is_near then near_number else far_number end as number,
        count(*) as records, coalesce(sum(duration_s), 0)::bigint as seconds,
        arg_min({'extension': extension, 'other_end': case when is_near then far_number else near_number end,
            'source_file': source_file, 'source_line': source_line}, (source_file, source_line)) as first_one
    from ends group by all
)
select feed, reason, direction, number, records, seconds, first_one.extension as extension,
    first_one.other_end as other_end, first_one.source_file as source_file, first_one.source_line as source_line
from counted
qualify row_number() over (partition by feed, reason order by records desc, number nulls last, direction) <= 5
order by feed, reason, records desc, number nulls last, direction;

-- name: longest_calls
select count(*) over () as in_all, account_id,
    strftime(started_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S') as started, direction, destination,
    duration_s as seconds, currency, amount, source_file, source_line
from rated_usage where invoice_month = getvariable('month') and kind = 'voice' and duration_s > 3600
order by duration_s desc, account_id, source_file, source_line limit 10;

-- Of files that are loaded. A record with two columns at fault stands in two rows, and counts once in all.
-- name: rejected
with standing as (
    from rejected_records as r where exists (
        from source_files as s
        where s.sha256 = r.sha256 and s.feed = r.feed and s.source_file = r.source_file and s.state = 'loaded')
)
select feed, source_file, column_name, count(distinct source_line) as records, min(source_line) as first_line,
    arg_min(reason, source_line) as example,
    (select count(*) from (select distinct feed, source_file, sha256, source_line from standing)) as in_all
from standing group by feed, source_file, column_name
order by count(distinct source_line) desc, source_file, column_name;

-- Whether anything was billed the month before, or ever before.
-- name: earlier
select count(*) filter (where invoice_month = getvariable('previous')) as previous, count(*) as ever
from invoices where invoice_month < getvariable('month');

-- name: missing
select feed, source_file, count(*) as missing, string_agg(row_key, ', ' order by row_key) as keys
from snapshot_missing group by feed, source_file order by feed, source_file;
