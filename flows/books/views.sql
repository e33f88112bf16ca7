-- What analysts see (CONTRACT, section 4): the one source of the views and of their comments.
-- The comment above a view is the view's, the comment behind a column is the column's; publish stores both.
-- Amounts are in the currency of the same row; days are civil days of the account; every [from, to) is half-open.

-- One row per call or message, with the rating in force.
create view rated_usage as select
    usage_id, -- identity of the call or message: source, id and leg (text)
    source, -- switch or gateway that recorded it (text)
    kind, -- voice or sms
    account_id, -- account that pays
    started_at, -- when the call was set up or the message sent (instant, UTC)
    started_at at time zone time_zone::varchar as started_at_local, -- the same, by the clock in the account's zone (timestamp; the hour that a clock is put back comes twice)
    local_date, -- the same, as a day in the account's zone (date)
    time_zone::varchar as time_zone, -- the account's zone on that day (IANA)
    usage_month, -- month of local_date: the month the usage belongs to (YYYY-MM)
    direction, -- outbound, inbound or internal, seen from the customer
    from_number, -- caller or sender (E.164, or an extension)
    to_number, -- called number or receiver (E.164, or an extension)
    destination, -- name of the destination in the rate deck (text)
    country, -- country at the other end (ISO 3166, two letters)
    category, -- class it was priced as: domestic, international, premium, mobile, on_net, internal, inbound, toll_free, sms …
    jurisdiction, -- interstate, intrastate, international or unknown
    duration_s, -- answered time (seconds; 0 for messages)
    billable_units, -- after minimum and increment (in unit)
    included_units, -- of these, covered by an allowance (in unit)
    charged_units, -- of these, charged (in unit)
    unit, -- second, minute or credit
    amount, -- exact price shown at 12 decimals, for reading; a line sums exact fractions (in currency)
    currency, -- currency of amount (ISO 4217)
    rate_id, -- rate that priced it: deck, prefix and its first day, or a rule of the plan (text)
    billing_group, -- site, department or cost centre (text)
    billed_as, -- current, prior_period, correction or written_off
    invoice_month, -- month of the document that bills it (YYYY-MM)
    invoice_number, -- document that bills it; a draft id until issued; null when its account is parked
    run_id, -- run that rated it
    source_file, -- input file, below the home
    source_line, -- physical line in source_file (header = 1)
    is_loaded -- false when its file was rolled back after the document was issued
from base.rated_usage;

-- One row per usage and printed line: what each line is made of.
create view line_usage as select
    invoice_number, -- document; a draft id until issued
    line_no, -- printed line of that document (1, 2, ...)
    usage_id, -- the call or message
    component, -- connect_fee, included, charged, minimum, rounding (of this call by its rate) or cap
    rate_id, -- rate that priced this part (text)
    allowance_id, -- allowance that covered this part; null for charged parts
    units, -- size of this part (seconds, minutes or credits, as the line's unit says)
    price, -- price of `per` units (in the document's currency)
    per, -- units the price is for (60: a price per minute of seconds)
    amount, -- exact price of this part shown at 12 decimals (in the document's currency)
    run_id -- run that rated it
from base.line_usage;

-- One row per usage record that could not be billed yet: never free, tried again by the next run or by replay.
create view suspended_usage as select
    usage_id, -- identity of the call or message (text)
    feed, -- calls or messages
    account_id, -- account, when known
    started_at, -- when it started or was sent (instant, UTC)
    duration_s, -- answered time (seconds; 0 for messages)
    direction, -- outbound, inbound or internal
    from_number, -- who called, as it was read (E.164 where it is a number; its end hidden where the settings ask for it)
    to_number, -- who was called, likewise
    extension, -- extension that the source names
    reason, -- code from a closed list, such as no_owner, no_rate, conflict
    detail, -- what was found, in words
    estimate, -- what it would cost, where that can be told (in estimate_currency)
    estimate_currency, -- currency of estimate (ISO 4217)
    source_file, -- input file, below the home
    source_line, -- physical line in source_file (header = 1)
    run_id -- run that suspended it
from base.suspended_usage;

-- One row per usage record that is not billed by rule, such as unanswered calls.
create view excluded_usage as select
    usage_id, -- identity of the call or message (text)
    feed, -- calls or messages
    account_id, -- account, when known
    started_at, -- when it started or was sent (instant, UTC)
    duration_s, -- answered time (seconds; 0 for messages)
    reason, -- code from a closed list, such as unanswered, before_billing_start
    detail, -- what was found, in words
    source_file, -- input file, below the home
    source_line, -- physical line in source_file (header = 1)
    run_id -- run that excluded it
from base.excluded_usage;

-- One row per loaded usage record that no run has dealt with yet.
create view pending_usage as select
    usage_id, -- identity of the call or message (text)
    feed, -- calls or messages
    account_id, -- account stated by the source, if any
    started_at, -- when it started or was sent (instant, UTC)
    duration_s, -- answered time (seconds; 0 for messages)
    reason, -- no_run_yet, later_month, after_last_run; no_outcome is a defect and breaks a law
    source_file, -- input file, below the home
    source_line -- physical line in source_file (header = 1)
from base.pending_usage;

-- One row per thing wrong in an input line; the line was not loaded.
create view rejected_records as select
    feed, -- feed of the file
    source_file, -- input file, below the home
    source_line, -- physical line (header = 1)
    column_name, -- column at fault; null when the whole line is
    reason, -- what was found and what would be right, in words
    raw_line, -- the line as it stood in the file
    sha256, -- hash of the file (hex)
    account_id -- account of a row of master data; null where the line does not say
from base.rejected_records;

-- One row per input line that repeats one already loaded.
create view duplicate_records as select
    feed, -- feed of the file
    source_file, -- input file, below the home
    source_line, -- physical line (header = 1)
    column_name, -- always null: the whole line repeats (text)
    reason, -- always duplicate
    of_file, -- file that holds the line loaded first
    of_line, -- physical line of it there (header = 1)
    raw_line, -- the line as it stood in the file
    sha256 -- hash of the file (hex)
from base.duplicate_records;

-- One row per master-data row that an earlier snapshot file had and a later one lacks: reported, never ended.
create view snapshot_missing as select
    feed, -- feed delivered as snapshots
    source_file, -- the file that lacks the row
    row_key, -- key of the missing row (text)
    sha256 -- hash of the file (hex)
from base.snapshot_missing;

-- One row per file taken in or refused; records = loaded + rejected + duplicate.
create view source_files as select
    source_file, -- input file, below the home
    feed, -- feed it belongs to
    source, -- declared source, if any
    sha256, -- hash of its bytes: with feed and source its identity (hex)
    records, -- physical records (count, without the header)
    loaded, -- taken in (count)
    rejected, -- refused one by one (count)
    duplicate, -- repeats of what was loaded before (count)
    seconds, -- answered time of the loaded calls (seconds; null for other feeds)
    state, -- loaded, refused or rolled_back
    detail, -- why it was refused, or whose content it has as well, in words
    ingested_at -- when it was taken in (instant, UTC; a clock column)
from base.source_files;

-- One row per account in a run: every known account has an outcome. Superseded runs stay, see run_state.
create view run_accounts as select
    run_id, -- the run
    account_id, -- the account
    seller_id, -- legal entity that bills it
    outcome, -- billed, nothing_to_bill, not_started, closed, parked or excluded
    code, -- why it is not billed: a code from a closed list, such as no_price, set_aside, not_asked_for (null when billed)
    reason, -- the same, in words
    currency, -- currency of the totals (ISO 4217)
    total, -- sum of its documents in this run (in currency)
    previous_total, -- sum of its documents of the month before (in currency)
    invoice_month, -- invoice month of the run (YYYY-MM)
    run_seq, -- order of the runs (1, 2, ...)
    run_state -- last state of the run: open, drafted, superseded, void or approved
from base.run_accounts;

-- One row per thing a run noticed and did not bill, such as a difference older than the look-back.
create view run_findings as select
    run_id, -- the run
    account_id, -- the account
    kind, -- what was noticed: a code from a closed list, such as older_difference
    detail, -- what was found, in words
    invoice_month, -- invoice month of the run (YYYY-MM)
    run_state -- last state of the run: open, drafted, superseded, void or approved
from base.run_findings;

-- One row per account whose draft differs from the one it replaced.
create view run_differences as select
    run_id, -- the run
    replaced_run_id, -- the run whose drafts gave way
    account_id, -- the account
    currency, -- currency of the totals (ISO 4217)
    before, -- total of the replaced draft (in currency)
    after, -- total now (in currency)
    reason, -- new usage, usage gone, rate change, master data, tax change, documents issued or settings, comma-separated
    changes, -- lines and taxes that differ, with their amounts before and after (JSON list)
    invoice_month, -- invoice month of the run (YYYY-MM)
    run_state -- last state of the run: open, drafted, superseded, void or approved
from base.run_differences;

-- One row per document in force: issued ones, and drafts of runs that stand.
create view invoices as select
    invoice_number, -- number; a stable draft id until issued
    draft_id, -- the draft it is or was
    kind, -- invoice or credit_note
    account_id, -- customer account
    seller_id, -- legal entity that bills
    invoice_month, -- month in which it goes out (YYYY-MM)
    issue_date, -- date printed on it (date)
    due_date, -- last day to pay (date)
    usage_period_start, -- first day of the usage it bills (date; null without usage)
    usage_period_end, -- day after the last day of that usage (date)
    currency, -- currency of every amount on it (ISO 4217)
    minor_digits, -- decimals of that currency's smallest unit (count)
    subtotal, -- sum of its lines (in currency)
    tax_total, -- sum of its taxes and recovery fees (in currency)
    total, -- subtotal + tax_total (in currency; negative on a credit note)
    status, -- draft, issued, or sent: every recipient accepted or written
    is_final, -- whether it is the last one of an account that has left
    corrects, -- number of the document it corrects
    correction, -- how: reversal (takes it back whole), replacement (stands in its place) or adjustment; null: corrects nothing
    taxed_on, -- issue date of the first document it goes back to, whose tax rates it has (date; null: its own)
    replaced_by, -- number of the invoice that replaces it
    bill_to_country, -- country of the billing address (ISO 3166, two letters)
    bill_to_region, -- region of the billing address, such as TX or QC
    seller_tax_id, -- seller's tax registration as printed
    customer_tax_id, -- customer's tax registration as printed
    pdf_sha256, -- hash of its PDF (hex)
    pdf_file, -- its PDF, below the home
    run_id -- run that drafted it
from base.invoices;

-- One row per printed line.
create view invoice_lines as select
    invoice_number, -- document; a draft id until issued
    account_id, -- customer account
    line_no, -- position on the document (1, 2, ...)
    section, -- part of the document it is printed in, such as service_fees
    charge_type, -- recurring, proration, usage, one_time, discount or credit
    product_code, -- product of the catalogue
    charge_key, -- what is billed: account, feed, resource, product, period (text)
    resource_kind, -- feed the charge comes from: subscriptions, devices, numbers, charges or usage
    resource_id, -- subscription, device, number or charge; null when the line covers several
    description, -- text as printed
    billing_group, -- site, department or cost centre (text)
    quantity, -- how many (in unit)
    unit, -- what quantity counts
    list_unit_price, -- price before an agreed price or discount (in currency, per unit)
    unit_price, -- price applied; null where prices inside the line differ (in currency, per unit)
    list_amount, -- the line before discount, minimum and maximum (in currency)
    discount_amount, -- what discounts took off list_amount (in currency)
    discount_text, -- what the discounts are called, as printed
    bounded_by, -- minimum or maximum, where the product's own decided amount; null: list_amount - discount_amount
    price_model, -- how a whole period's quantity was priced, such as graduated; null: a price per unit
    amount, -- net of the line, rounded once (in currency)
    period_start, -- first day it covers (date)
    period_end, -- day after the last day it covers (date)
    tax_date, -- date that decides its taxes where a table goes by tax point (date)
    tax_class, -- class the tax tables go by
    line_count, -- lines or numbers in service on a month's first day, for taxes per line
    reverses, -- document whose charge this line gives back; null: none
    currency, -- currency of the amounts (ISO 4217)
    run_id -- run that drafted it
from base.invoice_lines;

-- One row per printed line × discount that reached it.
create view line_discounts as select
    invoice_number, -- document; a draft id until issued
    account_id, -- customer account
    line_no, -- printed line of that document (1, 2, ...)
    discount_id, -- the discount, as its feed names it
    discount_key, -- the version of it that was in force: discount_id and its valid_from
    percent, -- percent off what the discounts before it left; null for a fixed amount
    amount, -- what it took off the line (in the document's currency)
    run_id -- run that drafted it
from base.line_discounts;

-- One row per tax or recovery fee of a document: one tax, jurisdiction, rate and tax date, rounded once.
create view invoice_taxes as select
    invoice_number, -- document; a draft id until issued
    account_id, -- customer account
    tax_no, -- position on the document (1, 2, ...)
    tax_code, -- which tax or fee, such as USF, GST, VAT
    kind, -- tax (of a government) or recovery_fee (of the seller)
    jurisdiction, -- where it is owed, such as US, US-TX, CA-QC, DE
    tax_date, -- date that chose the rate (date)
    gross_base, -- net of the lines it looks at (in currency)
    taxable_percent, -- part of gross_base that is taxable (percent)
    base_amount, -- what rate_percent is applied to (in currency)
    exempt_amount, -- part of the base left out by a certificate or tax id (in currency)
    rate_percent, -- rate (percent)
    amount, -- the tax or fee, rounded once (in currency)
    certificate_number, -- certificate that exempts
    note, -- text printed with it, such as reverse charge
    unit, -- percent_of_base, or amount_per_line: then line_count x rate_amount is charged
    line_count, -- lines or numbers charged for; null where it is a percentage
    rate_amount, -- amount per line (in currency); null where it is a percentage
    exempt_reason, -- why it is exempt, as the certificate says
    currency, -- currency of the amounts (ISO 4217)
    run_id -- run that drafted it
from base.invoice_taxes;

-- One row per run of an invoice month; totals per seller and currency are in run_totals.
create view bill_runs as select
    run_id, -- the run
    invoice_month, -- month whose documents it drafts (YYYY-MM)
    run_seq, -- order of the runs (1, 2, ...)
    kind, -- regular, supplementary or correction
    state, -- open, drafted, superseded, void or approved
    drafted_by, -- who ran it
    approved_by, -- who approved it last
    for_accounts, -- accounts it was limited to (text, comma-separated; null for all)
    accounts, -- accounts with an outcome (count)
    billed, -- of these, billed (count)
    nothing_to_bill, -- of these, without any line (count)
    not_started, -- of these, before billing start (count)
    closed, -- of these, ended and settled (count)
    parked, -- of these, set aside with a reason (count)
    excluded, -- of these, not in this run (count)
    documents, -- documents drafted (count)
    issued, -- of these, issued (count)
    totals, -- sum of document totals per currency, such as 'CAD 10.00, USD 20.00' (text)
    inputs_sha256, -- hash of everything that went in (hex)
    manifest_sha256, -- hash of its manifest (hex)
    drafted_at, -- when it was drafted (instant, UTC; a clock column)
    approved_at -- when it was approved last (instant, UTC; a clock column)
from base.bill_runs;

-- One row per run, seller and currency: the money a run drafted.
create view run_totals as select
    run_id, -- the run
    invoice_month, -- its invoice month (YYYY-MM)
    seller_id, -- legal entity
    currency, -- currency of the sums (ISO 4217)
    documents, -- documents drafted (count)
    subtotal, -- sum of their lines (in currency)
    tax_total, -- sum of their taxes and recovery fees (in currency)
    total -- sum of their totals (in currency)
from base.run_totals;

-- One row per run and account in the United States: what of its calls crosses a border, for USF on a measured share.
create view traffic_studies as select
    run_id, -- run that measured it
    invoice_month, -- its invoice month (YYYY-MM)
    account_id, -- customer account
    seller_id, -- legal entity
    first_month, -- first usage month measured (YYYY-MM)
    last_month, -- last usage month measured (YYYY-MM)
    calls, -- rated calls of these months (count)
    interstate_s, -- answered time between states (seconds)
    international_s, -- answered time to or from abroad (seconds)
    intrastate_s, -- answered time inside one state (seconds)
    unknown_s, -- answered time of which the states are not known, counted neither way (seconds)
    share_percent, -- interstate and international part of the known time, cut at 4 decimals (percent; null: none)
    measured_on -- account, or seller: then share_percent is that of all its accounts, for this one has no calls
from base.traffic_studies;

-- One row per mail, one mail per document and recipient, with its last state.
create view deliveries as select
    message_id, -- identity of the mail (text)
    invoice_number, -- document it carries; null of a mail that confirms a cancellation
    subscription_id, -- subscription whose cancellation it confirms; null of a document, and of a whole account
    last_billed_on, -- last day that is billed, as a mail that confirms a cancellation says (date); null of a document
    account_id, -- customer account
    seller_id, -- legal entity that sends it
    invoice_month, -- month of the document, or the first that knew of the cancellation (YYYY-MM)
    recipient, -- e-mail address, the account's when the mail was sent
    sender, -- e-mail address that the mail came from, the seller's when it was sent; null before version 9
    state, -- queued, sending, accepted, written, refused, unknown (never sent again by itself) or replaced
    detail, -- what the server said or why it is not sent, in words
    late_reason, -- reason given for sending outside the window
    by_name, -- who sent it
    happened_at -- when it reached this state (instant, UTC; a clock column)
from base.deliveries;

-- One row per act that changed what is billed, issued or sent. The log is chained by hashes; doctor checks the chain.
create view audit_log as select
    seq, -- position (1, 2, ...)
    act, -- what was done, such as approve or send
    subject, -- to what: a month, run, file or document
    by_name, -- by whom
    reason, -- the reason given, if any
    detail, -- figures, in words
    happened_at -- when (instant, UTC; a clock column)
from base.audit_log;

-- One row per act that erased call detail: numbers, extensions, devices and texts are null from then on, amounts stay.
create view erased as select
    account_id, -- customer account
    until_month, -- last usage month whose detail is erased; all before it too (YYYY-MM)
    by_name, -- who erased it
    erased_at, -- when (instant, UTC; a clock column)
    reason -- the reason given
from base.erased;
