-- Question: who uses up what the plan includes, and who leaves most of it?
-- How to read it: a row per account and allowance of the usage month, the fullest first. Minutes are shown as minutes
-- (`granted`, `used`, `left_over`), credits as credits. An account near 100 % is one to offer a larger plan to; one near
-- 0 % may leave for a smaller one.
-- Month: the last usage month; another one with  set variable usage_month = '2026-04';
with asked as (
    select coalesce(getvariable('usage_month')::varchar, (select max(usage_month) from allowances)) as usage_month
)
select
    l.account_id, a.name, a.plan, l.allowance,
    round(l.granted_units / case l.unit when 'second' then 60 else 1 end, 1)::decimal(18, 1) as granted,
    round(l.used_units / case l.unit when 'second' then 60 else 1 end, 1)::decimal(18, 1) as used,
    round(l.left_units / case l.unit when 'second' then 60 else 1 end, 1)::decimal(18, 1) as left_over,
    case l.unit when 'second' then 'minute' else l.unit end as unit,
    round(l.used_units * 100 / nullif(l.granted_units, 0), 1)::decimal(9, 1) as used_percent
from allowances as l join latest_accounts as a using (account_id)
where l.usage_month = (select usage_month from asked)
group by all order by used_percent desc nulls last, l.account_id, l.allowance;
