-- More of what analysts see, in the form of views.sql: how things came about, what was granted, and what rates cost.
-- Master data with its history (accounts, subscriptions, devices, numbers) comes from the feeds: flows/books/master.py.

-- One row per customer account, as last delivered. Its versions: accounts.
create view latest_accounts as select
    account_id, -- the account
    name, -- name as printed
    seller_id, -- legal entity that bills it
    currency, -- currency of its documents (ISO 4217)
    country, -- country of its address (ISO 3166, two letters)
    plan, -- plan that rates its usage
    billing_start_date, -- first billed day (date)
    end_date, -- last day of the account, included (date; null while open)
    first_ingested_at -- when its first row was taken in (instant, UTC; a clock column)
from base.latest_accounts;

-- One row per account and time on a plan: versions that follow each other on one plan are one time.
create view plan_history as select
    account_id, -- the account
    plan, -- plan that rates its usage; null: none
    valid_from, -- first day on it (date)
    valid_to, -- day after the last day on it (date; null: open)
    is_latest -- whether no later one is known
from base.plan_history;

-- One row per product, plan, currency, interval and time of one price, as the catalogue of the last run that stands says it.
create view products as select
    product_code, -- product of the catalogue
    plan, -- plan whose accounts have this price; null: the product's own price
    name, -- what documents call it, in English where it has an English name (text)
    section, -- part of a document it is printed in, such as service_fees
    billed_from, -- feed whose rows it bills: subscriptions, devices, numbers, charges or usage
    per, -- resource: each row counts; extension: each extension once
    day_count, -- how the days of a part of a month are counted: start_day_free or half_open
    removal, -- what is given back when it is taken away in mid-period: credit or none
    unit, -- what one of it is called, in English where it has an English name (text)
    currency, -- currency of unit_price (ISO 4217; null: the product has no price of its own)
    price_interval, -- interval that unit_price is for, such as P1M (ISO 8601)
    unit_price, -- price of one unit for one interval (in currency; null where a model prices the period's quantity)
    price_model, -- how a period's quantity is priced, such as graduated; null: unit_price
    tax_class, -- class the tax tables go by
    telecom_percent, -- how much of it is telecommunications (percent)
    interstate, -- how it counts for USF: safe_harbour, measured, all or none
    valid_from, -- first day on which all this holds (date; null: always before valid_to)
    valid_to -- day after the last one (date; null: open)
from base.products;

-- One row per row of a rate deck, of the decks as the last run that stands read them.
create view deck_rates as select
    deck, -- name of the deck in the settings
    rate_id, -- identity of the row, as rated_usage and line_usage name it (text)
    prefix, -- first digits of the number called, country code first (text)
    destination, -- name of the destination (text)
    price, -- price of per_s units, after the deck's markup (in currency)
    per_s, -- seconds (of messages: credits) that price is for
    increment_s, -- units charged at a time (seconds, or credits)
    minimum_s, -- least that is charged (seconds, or credits)
    connect_fee, -- charged once per call (in currency)
    currency, -- currency of the deck (ISO 4217)
    valid_from, -- first day it is in force (date; null: always before valid_to)
    valid_to, -- day after the last one (date; null: open)
    jurisdiction, -- interstate or intrastate where the row is for such calls only; null: any call
    class, -- class that the row gives the number, such as premium; null: none
    first_increment_s, -- length of the first increment where it differs (seconds)
    max_charge, -- cap of one call (in currency; null: none)
    round_digits, -- decimals each call is rounded to (count; null: calls are not rounded)
    round_mode, -- how they are rounded: half_up, half_even, up or down
    cost, -- what the carrier takes for per_s units, before the markup (in currency; null: not a cost sheet)
    connect_fee_cost -- what the carrier takes once per call (in currency; null: not a cost sheet)
from base.deck_rates where is_current;

-- One row per call or message priced from a cost sheet (a deck with a markup): what it brought, cost and left. The
-- cost is the one its run read, also where the deck is another now. Discounts, minimums and caps of lines are not in it.
create view usage_margin as select
    usage_id, -- the call or message
    account_id, -- account that pays
    usage_month, -- month the usage belongs to (YYYY-MM)
    local_date, -- day of it in the account's zone (date)
    direction, -- outbound, inbound or internal
    destination, -- name of the destination in the rate deck (text)
    country, -- country at the other end (ISO 3166, two letters)
    category, -- class it was priced as
    deck, -- deck that priced it
    rate_id, -- row of that deck (text)
    duration_s, -- answered time (seconds; 0 for messages)
    billable_units, -- after minimum and increment: what price and cost are counted on (in unit)
    unit, -- second, minute or credit
    amount, -- what it was charged, shown at 12 decimals; 0 where an allowance covers it (in currency)
    cost, -- what the carrier takes for it, rounded half up at 12 decimals (in currency)
    amount - cost as margin, -- what is left (in currency; negative: a loss)
    currency, -- currency of amount, cost and margin (ISO 4217)
    billed_as, -- current, prior_period, correction or written_off
    invoice_month, -- month of the document that bills it (YYYY-MM)
    invoice_number, -- document that bills it; a draft id until issued
    run_id -- run that rated it
from (
    select u.*, d.deck, case when u.billable_units = 0 then 0::decimal(38, 12)
        -- Whole numbers of 10^-12: DuckDB divides decimals as floats.
        else ((u.billable_units::hugeint * (d.cost * 1000000000000)::hugeint * 2 + d.per_s) // (2 * d.per_s))
            ::decimal(38, 0) * 0.000000000001::decimal(12, 12) + coalesce(d.connect_fee_cost, 0) end as cost
    from base.rated_usage as u
    join base.run_decks as r on r.run_id = u.run_id
    join base.deck_rates as d on d.deck_version = r.deck_version and d.rate_id = u.rate_id
    where d.cost is not null
) as priced;

-- One row per account, usage month and allowance that a document in force tells of; the pools of one allowance together.
create view allowances as select
    account_id, -- the account
    usage_month, -- month of the usage (YYYY-MM)
    allowance, -- the allowance's code in the plan
    unit, -- second (of minutes too, as rated_usage counts them) or credit
    granted_units, -- what the plan included that month (in unit)
    used_units, -- what calls and messages took of it, by all documents in force (in unit)
    greatest(granted_units - used_units, 0) as left_units, -- what was left (in unit)
    currency, -- currency of the account's documents (ISO 4217)
    invoice_number -- last document in force that tells of it; a draft id until issued
from (
    select m.*, coalesce(u.units, 0)::bigint as used_units
    from base.allowances as m
    left join (
        -- By every document, whichever run rated its usage: a credit note takes back what the one it corrects took.
        select i.account_id, r.usage_month, substr(l.allowance_id, length(p.plan) + 2) as allowance,
            sum(l.units) as units
        from base.line_usage as l
        join base.invoices as i using (invoice_number)
        join (select distinct usage_id, usage_month from base.rated_usage) as r using (usage_id)
        join (select distinct account_id, plan from base.plan_history) as p
            on p.account_id = i.account_id and starts_with(l.allowance_id, p.plan || ':')
        where l.component = 'included' group by all
    ) as u on u.account_id = m.account_id and u.usage_month = m.usage_month and u.allowance = m.allowance
) as granted;

-- One row per run and usage record that it could not bill: how long a record waited, and what for.
create view suspended_history as select
    run_id, -- the run
    run_seq, -- order of the runs (1, 2, ...)
    invoice_month, -- invoice month of the run (YYYY-MM)
    run_kind, -- regular, supplementary or correction
    run_state, -- last state of the run: open, drafted, superseded, void or approved
    usage_id, -- identity of the call or message (text)
    feed, -- calls or messages
    account_id, -- account, when known
    started_at, -- when it started or was sent (instant, UTC)
    duration_s, -- answered time (seconds; 0 for messages)
    reason, -- code from a closed list, such as no_owner, no_rate, conflict
    detail, -- what was found, in words
    estimate, -- what it would cost, where that can be told (in estimate_currency)
    estimate_currency, -- currency of estimate (ISO 4217)
    source_file, -- input file, below the home
    source_line -- physical line in source_file (header = 1)
from base.suspended_history;
