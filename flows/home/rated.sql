-- Wide rated usage (table wide_usage, of schema version 10 and before) into rated, rated_for, rated_by and kept_usage.

create temp table wide_numbers as
select usage_no, usage_id, source_file, source_line from feed_calls
union all
select usage_no, usage_id, source_file, source_line from feed_messages;

-- Records whose file was taken back out have no row of a feed any more, and get numbers that no row has.
insert into kept_usage
select
    -row_number() over (order by usage_id, source_file, source_line), usage_id, source, direction, from_number,
    to_number, duration_s, source_file, source_line
from (
    select distinct usage_id, source, direction, from_number, to_number, duration_s, source_file, source_line
    from wide_usage as w
    where not exists (
        select 1 from wide_numbers as n
        where n.usage_id is not distinct from w.usage_id and n.source_file is not distinct from w.source_file
            and n.source_line is not distinct from w.source_line
    )
);
insert into wide_numbers select usage_no, usage_id, source_file, source_line from kept_usage;

insert into rated_for by name
select row_number() over (order by run_id, account_id, usage_month) as for_no, *
from (
    select distinct run_id, account_id, currency, billing_group, usage_month, billed_as, invoice_month, draft_id
    from wide_usage
);
insert into rated_by by name
select row_number() over (order by rate_id, country, category) as by_no, *
from (select distinct rate_id, destination, category, country, jurisdiction from wide_usage);

insert into rated by name
select n.usage_no, f.for_no, b.by_no, w.started_at, w.local_date, w.billable_units, w.included_units, w.amount_num,
    w.amount_den, w.amount
from wide_usage as w
join wide_numbers as n
    on n.usage_id is not distinct from w.usage_id and n.source_file is not distinct from w.source_file
    and n.source_line is not distinct from w.source_line
join rated_for as f
    on f.run_id is not distinct from w.run_id and f.account_id is not distinct from w.account_id
    and f.currency is not distinct from w.currency and f.billing_group is not distinct from w.billing_group
    and f.usage_month is not distinct from w.usage_month and f.billed_as is not distinct from w.billed_as
    and f.invoice_month is not distinct from w.invoice_month and f.draft_id is not distinct from w.draft_id
join rated_by as b
    on b.rate_id is not distinct from w.rate_id and b.destination is not distinct from w.destination
    and b.category is not distinct from w.category and b.country is not distinct from w.country
    and b.jurisdiction is not distinct from w.jurisdiction
-- The last of several rows of a record is the one that counts.
order by w.rowid;

-- Of a record that came again after its file was taken out, the number by which it was rated.
update line_usage as u set usage_no = n.usage_no
from (
    select usage_id, arg_max(usage_no, (r.usage_no is not null)::integer) as usage_no
    from wide_numbers left join (select distinct usage_no from rated) as r using (usage_no) group by usage_id
) as n
where n.usage_id = u.usage_id and u.usage_no is null;
drop table wide_numbers;
