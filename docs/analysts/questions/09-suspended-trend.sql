-- Question: does the heap of usage that we cannot bill grow, and why?
-- How to read it: a row per invoice month and reason, of the month's last whole run that stands. `records` could not be
-- billed then; `still_waiting` of them were suspended the month before already, so they are what nobody has mended;
-- `estimate` is what they would bring, where that can be told, per currency.
with runs as (
    select invoice_month, max(run_seq) as run_seq from bill_runs
    where state in ('drafted', 'approved') and kind = 'regular' and for_accounts is null group by all
),
suspended as (
    select h.*, lag(h.run_seq) over (partition by h.usage_id order by h.run_seq) is not null as waited
    from suspended_history as h join runs as r using (invoice_month, run_seq)
)
select
    invoice_month, reason, count(*) as records, count(*) filter (where waited) as still_waiting,
    sum(duration_s) as seconds, estimate_currency as currency, coalesce(sum(estimate), 0) as estimate
from suspended
group by all order by all;
