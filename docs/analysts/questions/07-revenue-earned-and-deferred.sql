-- Question: how much of what we have invoiced is earned by a day, and how much is still to be served (deferred)?
-- How to read it: a row per seller, currency, section and first month of what is billed. `invoiced` is net of issued
-- documents; `earned` is the part whose days have passed, line by line, day by day, rounded half up to the currency's
-- smallest unit; `deferred` is the rest, so that both add up to invoiced to the cent. Usage and lines without days are
-- earned when they are invoiced.
-- Day: the first day after the last invoice month; another one with  set variable as_of = date '2026-06-01';
with asked as (
    select coalesce(
        getvariable('as_of')::date,
        (select (strptime(max(invoice_month) || '-01', '%Y-%m-%d') + interval 1 month)::date
            from invoices where status <> 'draft')) as as_of
),
lines as (
    select
        i.seller_id, l.currency, l.section, strftime(coalesce(l.period_start, i.issue_date), '%Y-%m') as month, l.amount,
        case i.minor_digits when 0 then 1 when 2 then 100 when 3 then 1000 else 10000 end as minor,
        l.period_end - l.period_start as days,
        greatest(least(l.period_end, (select as_of from asked)) - l.period_start, 0) as passed
    from invoice_lines as l join invoices as i using (invoice_number)
    where i.status <> 'draft' and i.issue_date < (select as_of from asked)
),
shared as (
    select *, case
        when days is null or days <= 0 or passed >= days or section like '%minutes%' or section like 'sms%' then amount
        -- Whole smallest units: DuckDB divides decimals as floats.
        else sign(amount) * (((abs(amount) * minor)::hugeint * passed * 2 + days) // (2 * days))::decimal(38, 0)
            * (case minor when 1 then 1 when 100 then 0.01 when 1000 then 0.001 else 0.0001 end)::decimal(5, 4)
        end as earned
    from lines
)
select
    seller_id, currency, section, month, sum(amount) as invoiced, sum(earned::decimal(38, 12)) as earned,
    sum(amount - earned::decimal(38, 12)) as deferred
from shared
group by all order by seller_id, section, month;
