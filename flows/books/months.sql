-- The snapshot's largest tables, one per invoice month: a month in which nothing happened is taken over from the last
-- snapshot (flows/books/usage_months.py). Inside publish.in_force; {month} is the invoice month.

-- name: rated_usage
select u.* exclude (amount_num, amount_den), d.invoice_number, f.is_loaded, z.time_zone
from rated_usage as u
join usage_in_force as f on f.outcome = 'rated' and f.invoice_month = '{month}' and f.row_id = u.rowid
left join documents_in_force as d on d.run_id = u.run_id and d.draft_id = u.draft_id
left join account_zones as z on z.account_id = u.account_id and u.local_date >= z.from_day and u.local_date < z.to_day
where u.run_id in (select run_id from run_states where invoice_month = '{month}')
order by u.account_id, u.started_at, u.usage_id, u.source_file, u.source_line;

-- name: line_usage
select d.invoice_number, u.* exclude (amount_num, amount_den)
from line_usage as u
join documents_in_force as d on d.invoice_month = '{month}' and d.run_id = u.run_id and d.draft_id = u.draft_id
where u.run_id in (select run_id from run_states where invoice_month = '{month}')
order by d.invoice_number, u.line_no, u.usage_id, u.component, u.allowance_id, u.units, u.amount;

-- What these tables are made from, month by month: usage and the run whose outcome counts, documents and their numbers,
-- zones of accounts.
-- name: made_from
with usage as (
    select f.invoice_month, count(*) as records, sum(hash(f.usage_id, r.run_id, f.is_loaded)::hugeint) as hashes
    from usage_in_force as f join run_states as r using (run_seq) where f.outcome = 'rated' group by f.invoice_month
),
papers as (
    select invoice_month, count(*) as documents, sum(hash(run_id, draft_id, invoice_number)::hugeint) as hashes
    from documents_in_force group by invoice_month
),
zones as (
    select r.invoice_month, sum(hash(z.account_id, z.time_zone, z.from_day, z.to_day)::hugeint) as hashes
    from run_accounts as a join run_states as r using (run_id) join account_zones as z using (account_id)
    group by r.invoice_month
)
select months.invoice_month, concat_ws(' ', u.records, u.hashes, p.documents, p.hashes, z.hashes) as made_from
from (select distinct invoice_month from run_states) as months
left join usage as u using (invoice_month) left join papers as p using (invoice_month)
left join zones as z using (invoice_month)
where u.records is not null or p.documents is not null
order by months.invoice_month;
