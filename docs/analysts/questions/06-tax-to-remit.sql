-- Question: which taxes do we owe to whom, for the documents of a month?
-- How to read it: a row per seller, jurisdiction and tax of the documents issued in the month (by issue date), credit
-- notes taken off. `taxable` is what the rate was applied to, `exempt` what certificates and tax ids left out, `tax`
-- what is to be remitted. Recovery fees are the seller's own revenue and no tax: they are not here.
-- Month: the last month with an issued document; another one with  set variable issue_month = '2026-05';
with issued as (
    select invoice_number, seller_id, strftime(issue_date, '%Y-%m') as issue_month from invoices where status <> 'draft'
),
asked as (
    select coalesce(getvariable('issue_month')::varchar, (select max(issue_month) from issued)) as issue_month
)
select
    i.seller_id, t.jurisdiction, t.tax_code, t.rate_percent, t.currency, count(*) as documents,
    sum(t.base_amount) as taxable, sum(t.exempt_amount) as exempt, sum(t.amount) as tax
from issued as i join invoice_taxes as t using (invoice_number)
where i.issue_month = (select issue_month from asked) and t.kind = 'tax'
group by all order by i.seller_id, t.jurisdiction, t.tax_code, t.rate_percent;
