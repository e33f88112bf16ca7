-- Question: what would last month's usage have cost our customers at other prices of a deck?
-- How to read it: a row per destination that changes, with what was charged, what it would have been, and the difference;
-- the largest first. Only charged units count: what an allowance covers costs nothing either way. Increments, minimums,
-- connect fees and included units are as they were; caps and rounding of single calls are left out.
-- Write the new prices into `proposed`: here every row of one deck, 10 % dearer. A price list that has come in is read
-- instead with  select 'world_usd' as deck, prefix, price from read_csv('new.csv', ...) .
-- Month: the last usage month; another one with  set variable usage_month = '2026-04';
with asked as (
    select
        coalesce(getvariable('usage_month')::varchar, (select max(usage_month) from rated_usage)) as usage_month,
        coalesce(getvariable('deck')::varchar, 'world_usd') as deck
),
proposed as (
    select rate_id, price, (price * 1.10)::decimal(38, 12) as new_price, per_s
    from deck_rates where deck = (select deck from asked)
),
calls as (
    select u.destination, u.currency, u.charged_units, u.amount, p.per_s,
        (u.charged_units::hugeint * ((p.new_price - p.price) * 1000000000000)::hugeint) as difference_num
    from rated_usage as u join proposed as p using (rate_id)
    where u.usage_month = (select usage_month from asked)
),
sums as (
    select destination, currency, per_s, count(*) as calls, sum(charged_units) as charged_units, sum(amount) as amount,
        sum(difference_num) as num
    from calls group by all
),
priced as (
    -- One division for all calls of a destination, half up at 12 decimals: DuckDB divides decimals as floats.
    select *, (sign(num) * ((abs(num) * 2 + per_s) // (2 * per_s)))::decimal(38, 0) * 0.000000000001::decimal(12, 12)
        as moved
    from sums
)
select
    p.destination, p.currency, sum(p.calls)::bigint as calls, sum(p.charged_units)::bigint as charged_units,
    sum(p.amount) as amount, sum(p.amount + p.moved) as new_amount, sum(p.moved) as difference
from priced as p
group by p.destination, p.currency having sum(p.moved) <> 0
order by abs(sum(p.moved)) desc, p.destination;
