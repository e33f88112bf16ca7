-- Question: what have we earned from usage that no issued document bills yet (unbilled accrual at the month's close)?
-- How to read it: a row per seller, usage month, currency and state. `drafted` is rated and stands on a draft; `parked`
-- is rated, and its account has no document; `suspended` could not be rated, and `amount` is an estimate where one can
-- be given, `without_estimate` the records of which none can; `not rated` came after the last run and has no amount.
-- Amounts are exact and before discounts and rounding of lines. Recurring charges are billed in advance: none accrue.
with unbilled as (
    select
        u.account_id, u.usage_month, u.currency, u.amount,
        case when u.invoice_number is null then 'parked' else 'drafted' end as state
    from rated_usage as u left join invoices as i using (invoice_number)
    where coalesce(i.status, 'draft') = 'draft' and u.billed_as <> 'written_off'
    union all
    select account_id, strftime(started_at at time zone 'UTC', '%Y-%m'), estimate_currency, estimate, 'suspended' from suspended_usage
    union all
    select account_id, strftime(started_at at time zone 'UTC', '%Y-%m'), null, null, 'not rated' from pending_usage
)
select
    a.seller_id, u.usage_month, u.currency, u.state, count(*) as records,
    count(*) filter (where u.amount is null) as without_estimate, coalesce(sum(u.amount), 0) as amount
from unbilled as u left join latest_accounts as a using (account_id)
group by all order by all;
