-- The working database. Append-only, keyed by run or file; no secondary indexes, no upserts (DESIGN, decision 7).
-- Feed tables (feed_<name>) are made from schemas/feeds.py. Columns ending in _at or _on_clock are clock columns:
-- the only ones that two homes given the same files may differ in (RULES 29).
-- $$name stands for a closed list (flows/home/schema.py): what is not on it is refused.

create table if not exists schema_version (version integer not null);

create sequence if not exists file_seq start 1;
create table if not exists source_files (
    file_seq bigint not null, source_file varchar not null, feed varchar not null, source varchar,
    sha256 varchar not null, records bigint not null, loaded bigint not null, rejected bigint not null,
    duplicate bigint not null, state varchar not null check (state in $file_states), detail varchar,
    ingested_at timestamptz not null);
-- What the usage of a file comes to, as flows/home/file_sums.py notes it; a file without a row is added up when asked.
create table if not exists file_sums (
    feed varchar, file_seq bigint, records bigint, row_xor uhugeint, row_sum hugeint, legs_xor uhugeint);
create table if not exists rejected_records (
    feed varchar, source_file varchar, source_line bigint, column_name varchar, reason varchar, raw_line varchar,
    sha256 varchar, row_key varchar); -- JSON: whose row of master data it is, as far as it could be read
create table if not exists duplicate_records (
    feed varchar, source_file varchar, source_line bigint, of_file varchar, of_line bigint, raw_line varchar,
    sha256 varchar);
-- Identities of usage that have come with more than one content, by the columns that identify them, joined by colons.
create table if not exists usage_variants (feed varchar, identity varchar);
create table if not exists snapshot_missing (
    feed varchar, source_file varchar, row_key varchar, sha256 varchar);

create sequence if not exists run_seq start 1;
create table if not exists runs (
    run_seq bigint not null, run_id varchar not null, invoice_month varchar not null,
    kind varchar not null check (kind in $run_kinds),
    inputs_sha256 varchar not null, issued_sha256 varchar not null, only_accounts varchar[], drafted_by varchar, manifest_sha256 varchar, drafted_at timestamptz);
-- What a run knew: files before `before_file`; its tables and settings lie in store/ by their hashes. Of a correction
-- also why it was made, and with which earlier run's eyes.
create table if not exists run_knowledge (run_id varchar, before_file bigint, reason varchar, as_known_at varchar);
-- What happened to a run or a document, in order; the last event is the state.
create table if not exists run_events (
    run_id varchar, state varchar not null check (state in $run_states), by_name varchar, detail varchar,
    happened_at timestamptz);
-- Why an account is not billed: a code, and the reason in words. Nobody is parked without a code.
create table if not exists run_accounts (
    run_id varchar, account_id varchar, seller_id varchar, outcome varchar not null check (outcome in $outcomes),
    code varchar check (code in $account_codes), reason varchar, currency varchar, total decimal(38, 12),
    previous_total decimal(38, 12), check (outcome <> 'parked' or code is not null));

-- Rated usage, as what rating adds to a record; the view rated_usage (views.sql) reads it with the rest. Of a record
-- it says usage_no, of its account in this run for_no, of its rate by_no: each said once, for many records.
create table if not exists rated (
    usage_no bigint, for_no integer, by_no integer, started_at timestamptz, local_date date, billable_units bigint,
    included_units bigint, amount_num decimal(38, 12), amount_den bigint, amount decimal(38, 12));
create table if not exists rated_for (
    for_no integer, run_id varchar, account_id varchar, currency varchar, billing_group varchar, usage_month varchar,
    billed_as varchar, invoice_month varchar, draft_id varchar);
-- Append-only: a rate that is known keeps its number.
create table if not exists rated_by (
    by_no integer, rate_id varchar, destination varchar, category varchar, country varchar, jurisdiction varchar);
-- What rated usage needs of records whose file was taken back out: what was issued for them stays.
create table if not exists kept_usage (
    usage_no bigint, usage_id varchar, source varchar, direction varchar, from_number varchar, to_number varchar,
    duration_s bigint, source_file varchar, source_line bigint);
create table if not exists line_usage (
    run_id varchar, draft_id varchar, line_no bigint, usage_no bigint, usage_id varchar, component varchar, rate_id varchar,
    allowance_id varchar, units bigint, price decimal(38, 12), per bigint, amount_num decimal(38, 12),
    amount_den bigint, amount decimal(38, 12));
create table if not exists suspended_usage (
    run_id varchar, usage_no bigint, usage_id varchar, feed varchar, account_id varchar, started_at timestamptz, duration_s bigint,
    units bigint, reason varchar not null check (reason in $suspended), detail varchar,
    estimate decimal(38, 12), estimate_currency varchar, source_file varchar, source_line bigint);
create table if not exists excluded_usage (
    run_id varchar, usage_no bigint, usage_id varchar, feed varchar, account_id varchar, started_at timestamptz, duration_s bigint,
    reason varchar not null check (reason in $excluded), detail varchar, source_file varchar, source_line bigint);

-- What was billed per charge key, exact: the next run subtracts it (RULES 7).
create table if not exists charges (
    run_id varchar, draft_id varchar, line_no bigint, account_id varchar, charge_key varchar, charge_type varchar,
    section varchar, product_code varchar, resource_kind varchar, resource_id varchar, billing_group varchar,
    quantity decimal(38, 12), unit_price decimal(38, 12), cycle_start date, cycle_end date, part_start date,
    part_end date, location_id varchar, amount_num decimal(38, 12), amount_den bigint, jurisdiction varchar,
    tax_class varchar, telecom_percent decimal(38, 12), interstate varchar, price_model varchar,
    priced_units decimal(38, 12), access_lines decimal(38, 12), measured_share decimal(38, 12));
create table if not exists documents (
    run_id varchar, draft_id varchar, account_id varchar, seller_id varchar, invoice_month varchar,
    kind varchar not null check (kind in $document_kinds), currency varchar, subtotal decimal(38, 12),
    tax_total decimal(38, 12), total decimal(38, 12),
    usage_period_start date, usage_period_end date, is_final boolean, corrects varchar,
    correction varchar check (correction in $correction_kinds), taxed_on date, bill_to_country varchar,
    bill_to_region varchar, seller_tax_id varchar, customer_tax_id varchar, document_json varchar,
    -- As its JSON says: to be asked of all documents without reading them.
    issue_date date, due_date date, minor_digits bigint);
create table if not exists invoice_lines (
    run_id varchar, draft_id varchar, account_id varchar, line_no bigint, section varchar, charge_type varchar,
    product_code varchar, charge_key varchar, resource_kind varchar, resource_id varchar, description varchar,
    billing_group varchar, quantity decimal(38, 12), unit varchar, list_unit_price decimal(38, 12),
    unit_price decimal(38, 12), list_amount decimal(38, 12), discount_amount decimal(38, 12), discount_text varchar,
    bounded_by varchar, price_model varchar, amount decimal(38, 12), period_start date, period_end date, tax_date date,
    tax_class varchar, line_count decimal(38, 12), reverses varchar);
-- What each discount of the feed took off each line; a discount_key is one version of one discount.
create table if not exists line_discounts (
    run_id varchar, draft_id varchar, account_id varchar, line_no bigint, discount_id varchar, discount_key varchar,
    percent decimal(38, 12), amount decimal(38, 12));
create table if not exists invoice_taxes (
    run_id varchar, draft_id varchar, account_id varchar, tax_no bigint, tax_code varchar, kind varchar,
    jurisdiction varchar, tax_date date, gross_base decimal(38, 12), taxable_percent decimal(38, 12),
    base_amount decimal(38, 12), exempt_amount decimal(38, 12), rate_percent decimal(38, 12),
    amount decimal(38, 12), certificate_number varchar, note varchar, unit varchar, line_count decimal(38, 12),
    rate_amount decimal(38, 12), exempt_reason varchar, computed_by varchar check (computed_by in $tax_sources));
-- What of an account's own calls crossed a border: behind USF on a measured share, and to compare before choosing it.
create table if not exists traffic_studies (
    run_id varchar, account_id varchar, seller_id varchar, first_month varchar, last_month varchar, calls bigint,
    interstate_s bigint, international_s bigint, intrastate_s bigint, unknown_s bigint, share_percent decimal(38, 12),
    measured_on varchar);

-- One row per issued document; numbers are allotted here, in one transaction, and never reused.
create table if not exists issued_documents (
    draft_id varchar, invoice_number varchar, seller_id varchar, series varchar, sequence bigint, account_id varchar,
    invoice_month varchar, run_id varchar, issue_date date, due_date date, document_json varchar,
    document_sha256 varchar, issued_by varchar, issued_at timestamptz);
create table if not exists rendered_documents (
    invoice_number varchar, pdf_file varchar, pdf_sha256 varchar, usage_csv_file varchar, usage_csv_sha256 varchar);
-- How far these books have followed the journal (flows/home/journal.py): where its last line began, and that line's hash.
create table if not exists journal_mark (start bigint, sha256 varchar);
-- Numbers that were given by books that are gone: never given again (RULES 30).
create table if not exists lost_numbers (invoice_number varchar, seller_id varchar, sha256 varchar);
-- The outbox: one row per step of a mail; the last step is the state.
create table if not exists delivery_events (
    message_id varchar, invoice_number varchar, invoice_month varchar, recipient varchar,
    state varchar not null check (state in $mail_states), detail varchar, late_reason varchar,
    by_name varchar, happened_at timestamptz, sender varchar);
-- Mails that confirm a cancellation and carry no document: of a subscription, or of the whole account where that is null.
create table if not exists confirmations (
    message_id varchar, account_id varchar, seller_id varchar, subscription_id varchar, stated_on date,
    last_billed_on date);
create table if not exists audit_log (
    seq bigint, act varchar, subject varchar, by_name varchar, reason varchar, detail varchar, happened_at timestamptz,
    previous_sha256 varchar, sha256 varchar);
-- What a run saw and did not bill, for a person to look at: differences and charges older than it looks back.
create table if not exists run_findings (
    run_id varchar, account_id varchar, kind varchar not null check (kind in $finding_codes), detail varchar);
-- How the drafts of a run differ from those they replaced, and why; `changes` is a JSON list of lines and taxes.
create table if not exists run_differences (
    run_id varchar, replaced_run_id varchar, account_id varchar, currency varchar, before decimal(38, 12),
    after decimal(38, 12), reason varchar, changes varchar);
-- What stopped an approval and was let through, with the reason given.
create table if not exists stop_overrides (
    invoice_month varchar, code varchar not null check (code in $stop_codes), subject varchar,
    detail varchar, seller_id varchar, reason varchar, by_name varchar, happened_at timestamptz);
-- Accounts set aside by hand, in order; the last event is the state.
create table if not exists account_holds (
    account_id varchar, state varchar not null check (state in $hold_states), reason varchar,
    by_name varchar, happened_at timestamptz);
-- Call detail erased on request (flows.undo.erase), and the files that held it: usage_csv, mail, source_copy (removed),
-- review (written anew), original (the operator's). Until `is_complete` the same request has still something to do.
create table if not exists erased (
    account_id varchar, until_month varchar, by_name varchar, erased_at timestamptz, reason varchar, is_complete boolean);
create table if not exists erased_files (
    account_id varchar, until_month varchar, file varchar, sha256 varchar,
    what varchar not null check (what in $erased_files));
