-- Question: at which hours do our customers talk?
-- How to read it: a row per hour of the clock on the customer's own wall (9 is 09:00 to 09:59, in the account's zone),
-- with calls and answered minutes from Monday to Friday and at the weekend. An hour without calls is not there.
-- Month: the last usage month; another one with  set variable usage_month = '2026-04';
with asked as (
    select coalesce(getvariable('usage_month')::varchar, (select max(usage_month) from rated_usage)) as usage_month
)
select
    extract(hour from started_at_local) as local_hour,
    count(*) filter (where extract(isodow from started_at_local) <= 5) as weekday_calls,
    round(coalesce(sum(duration_s) filter (where extract(isodow from started_at_local) <= 5), 0) / 60, 1)::decimal(18, 1)
        as weekday_minutes,
    count(*) filter (where extract(isodow from started_at_local) > 5) as weekend_calls,
    round(coalesce(sum(duration_s) filter (where extract(isodow from started_at_local) > 5), 0) / 60, 1)::decimal(18, 1)
        as weekend_minutes
from rated_usage
where kind = 'voice' and usage_month = (select usage_month from asked)
group by all order by local_hour;
