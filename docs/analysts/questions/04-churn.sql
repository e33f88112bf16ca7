-- Question: how many customers come, stay and leave?
-- How to read it: a row per seller and invoice month. `at_start` are accounts that are billed on the first of the month;
-- `joined` those whose billing begins later in it; `left_in_month` those whose last day lies in it; `churn_percent` is
-- what of at_start leaves. `net_lost` is what the accounts that leave were billed the month before, before taxes.
with months as (
    select distinct invoice_month, strptime(invoice_month || '-01', '%Y-%m-%d')::date as first_day
    from invoices where status <> 'draft'
),
net as (
    select account_id, currency, invoice_month, sum(subtotal) as net from invoices where status <> 'draft' group by all
),
lived as (
    select
        m.invoice_month, a.seller_id, a.currency, a.account_id,
        a.billing_start_date <= m.first_day and coalesce(a.end_date >= m.first_day, true) as is_at_start,
        a.billing_start_date > m.first_day and a.billing_start_date < m.first_day + interval 1 month as is_new,
        coalesce(a.end_date >= m.first_day and a.end_date < m.first_day + interval 1 month, false) as leaves,
        n.net
    from months as m cross join latest_accounts as a
    left join net as n on n.account_id = a.account_id
        and n.invoice_month = strftime(m.first_day - interval 1 month, '%Y-%m')
)
select
    invoice_month, seller_id,
    count(*) filter (where is_at_start) as at_start,
    count(*) filter (where is_new) as joined,
    count(*) filter (where leaves) as left_in_month,
    round((count(*) filter (where leaves and is_at_start)) * 100 / nullif(count(*) filter (where is_at_start), 0), 1)
        ::decimal(9, 1) as churn_percent,
    coalesce(sum(net) filter (where leaves), 0) as net_lost,
    currency
from lived
group by all order by invoice_month, seller_id;
