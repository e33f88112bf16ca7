-- Question: on which destinations do we earn, and on which do we lose?
-- How to read it: a row per destination and currency of the usage month, the worst margin first. Only usage that was
-- priced from a cost sheet (a deck with a markup) is here: of other decks nobody knows what the carrier takes. Included
-- minutes bring nothing and cost all the same. `margin_percent` is of the amount; null where nothing was charged.
-- Month: the last usage month; another one with  set variable usage_month = '2026-04';
with asked as (
    select coalesce(getvariable('usage_month')::varchar, (select max(usage_month) from rated_usage)) as usage_month
)
select
    destination, currency, count(*) as calls, sum(billable_units) as units, unit,
    sum(amount) as amount, sum(cost) as cost, sum(margin) as margin,
    round((sum(margin) / nullif(sum(amount), 0)) * 100, 1)::decimal(9, 1) as margin_percent
from usage_margin
where usage_month = (select usage_month from asked)
group by all order by margin, destination;
