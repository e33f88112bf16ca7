-- Question: what does an account bring a month, by plan (ARPU, average revenue per account)?
-- How to read it: a row per invoice month, plan and currency. `accounts` are those with an issued document; `net` is
-- what their documents bill before taxes and recovery fees, credit notes taken off; `arpu` is net by accounts, rounded
-- half up to two decimals. The plan is the account's last one that began before the month was over.
with billed as (
    select invoice_month, account_id, currency, sum(subtotal) as net,
        strptime(invoice_month || '-01', '%Y-%m-%d')::date as month_first
    from invoices where status <> 'draft' group by all
),
planned as (
    select b.*, p.plan
    from billed as b asof left join plan_history as p
        on p.account_id = b.account_id and p.valid_from < b.month_first + interval 1 month
)
select
    invoice_month, plan, currency, count(*) as accounts, sum(net) as net,
    -- Whole cents: DuckDB divides decimals as floats.
    sign(sum(net)) * ((abs(sum(net) * 100)::hugeint * 2 + count(*)) // (2 * count(*)))::decimal(38, 0)
        * 0.01::decimal(2, 2) as arpu
from planned
group by all order by invoice_month, currency, plan;
