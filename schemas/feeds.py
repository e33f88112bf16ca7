"""The feeds of the inbox and their columns (CONTRACT, section 2), as data: ingest and `schema` read this."""

from schemas.feed import Feed, columns_of

_ADDRESS = """
address_line1* text street and number
address_line2 text second address line
city* text city
region text state, province or region code, such as TX or QC
postal_code* text postal code
country* text ISO 3166 country, two letters
"""

FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        Feed(
            "accounts",
            columns_of(
                """
                account_id* text the customer account
                effective_from date first day of this version; empty in the account's first row
                name* text name as printed
                customer_type choice[business|residential|reseller|government] kind of customer
                seller_id* text the legal entity that bills; never changes
                currency* text ISO 4217; never changes
                time_zone* text IANA zone that decides the account's days
                locale* text language of the documents, such as en_US
                """
                + _ADDRESS
                + """
                email* text first recipient of the invoice
                cc_emails text more recipients, separated by , or ;
                tax_id text VAT or tax registration of the customer
                plan text plan that rates the usage
                service_start_date* date contract signature; free months count from here
                billing_start_date* date first billed day
                free_months integer free months before billing starts
                payment_terms_days integer days from issue to due date
                end_date date last day of the account
                """
            ),
            key=("account_id", "effective_from"),
        ),
        Feed(
            "subscriptions",
            columns_of(
                """
                subscription_id* text the subscription
                account_id* text the account that pays
                product_code* text product of the catalogue
                quantity* decimal licences or seats
                committed_quantity decimal never billed below, inside a term
                start_date* date first day of this version
                end_date date last day included
                cancel_requested_on date day the customer asked to stop
                billing_interval text P1M (default), P3M, P1Y; P30D: every 30 days
                bill_anchor date a day on which a billing cycle begins
                term_start date first day of the fixed term
                term_months integer length of the fixed term in months
                renewal_months integer length of each term that it renews into unless cancelled before
                unit_price decimal agreed price per unit and month or cycle
                billing_group text site, department or cost centre
                pending boolean whether it waits for a confirmation and is not billed before confirmed_on
                confirmed_on date day on which the carrier confirmed that the service is there
                """
            ),
            key=("subscription_id", "start_date"),
        ),
        Feed(
            "devices",
            columns_of(
                """
                device_id* text the device
                account_id* text the account that has it
                device_type* text phone, ata, paging, softphone and so on
                product_code* text product of the catalogue
                extension text extension it rings on
                location_id text where it stands
                billing_group text site, department or cost centre
                is_rental boolean rented from the provider
                is_low_usage boolean on the low-usage pool
                active_from* moment first day
                active_to moment last day included
                """
            ),
            key=("device_id", "active_from"),
        ),
        Feed(
            "numbers",
            columns_of(
                """
                number* text telephone number, E.164
                account_id* text the account that has it
                number_type* choice[standard|toll_free|inbound_only|international] kind of number
                product_code* text product of the catalogue
                extension text extension it rings on
                location_id text where it is served
                billing_group text site, department or cost centre
                active_from* moment first day, or the instant of the port
                active_to moment last day included, or the instant of the port
                """
            ),
            key=("number", "active_from"),
        ),
        Feed(
            "locations",
            columns_of("location_id* text the site\naccount_id* text the account\n" + _ADDRESS),
            key=("location_id",),
        ),
        Feed(
            "prices",
            columns_of(
                """
                account_id* text the account with the agreed price
                product_code text product of the catalogue
                prefix text dialled prefix, digits
                deck text rate deck the prefix belongs to
                unit_price* decimal agreed price
                currency* text ISO 4217
                valid_from* date first day
                valid_to date last day included
                contract_ref text where it was agreed
                """
            ),
            key=("account_id", "product_code", "prefix", "deck", "currency", "valid_from"),
            one_of=(("product_code", "prefix"),),
        ),
        Feed(
            "discounts",
            columns_of(
                """
                discount_id* text the discount
                account_id* text the account
                applies_to* choice[account|section|product_code|subscription_id] what is reduced
                target text which section, product or subscription; empty for the account
                percent decimal percent off
                amount decimal amount off each invoice, in the account's currency
                valid_from* date first day
                valid_to date last day included
                description text as printed
                """
            ),
            key=("discount_id", "valid_from"),
            one_of=(("percent", "amount"),),
        ),
        Feed(
            "charges",
            columns_of(
                """
                charge_id* text the charge
                account_id* text the account
                product_code* text product of the catalogue
                kind* choice[one_time|credit|fee] what it is; a credit is entered as a positive amount
                charge_date* date day it falls on
                quantity decimal units, default 1
                unit_price decimal price per unit
                amount decimal the whole amount
                currency* text ISO 4217
                description text as printed
                billing_group text site, department or cost centre
                invoice_number text the document a credit refers to
                reason* text why
                approved_by text who allowed it
                """
            ),
            key=("charge_id",),
            one_of=(("unit_price", "amount"),),
        ),
        Feed(
            "calls",
            columns_of(
                """
                source text the switch; default the declared source or the feed
                call_id* text the switch's id of the call
                leg text leg of the call
                other_leg_id text call_id of the record of the same call at its other end, which does not bill
                started_at* instant when the call was set up
                answered_at instant when it was answered
                ended_at instant when it ended
                charged_number text number that pays for a forwarded call, where it is not the one at the near end
                direction* choice[outbound|inbound|internal] seen from the customer
                from_number text caller, E.164 or an extension
                to_number text called, E.164 or an extension
                duration_s* integer answered seconds
                disposition text how it ended
                account_id text the account, when the switch knows it
                extension text extension that called or was called
                device_id text device that called or was called
                """
            ),
            key=("source", "call_id", "leg"),
            is_usage=True,
        ),
        Feed(
            "messages",
            columns_of(
                """
                source text the gateway; default the declared source or the feed
                message_id* text the gateway's id of the message
                sent_at* instant when it was sent or received
                direction* choice[outbound|inbound] seen from the customer
                from_number text sender, E.164
                to_number text receiver, E.164
                channel* choice[sms|mms] kind of message
                credits integer SMS credits it uses
                text text its text, when credits are to be counted
                account_id text the account, when the gateway knows it
                """
            ),
            key=("source", "message_id"),
            one_of=(("credits", "text"),),
            is_usage=True,
        ),
        Feed(
            "certificates",
            columns_of(
                """
                account_id* text the account
                certificate_number* text number on the certificate
                tax_code text the tax it exempts from
                jurisdiction text the jurisdiction it exempts in, such as US-TX
                reason text why
                received_on date day it arrived
                valid_from* date first day
                valid_to date last day included
                """
            ),
            key=("account_id", "certificate_number", "valid_from"),
            one_of=(("tax_code", "jurisdiction"),),
        ),
        Feed(
            "tax_id_checks",
            columns_of(
                """
                account_id* text the account
                tax_id* text the id that was checked
                checked_at* instant when
                result* choice[valid|invalid] what the register said
                reference text the register's reference
                name_matched boolean whether the name agreed
                """
            ),
            key=("account_id", "tax_id", "checked_at"),
        ),
        Feed(
            "payments",
            columns_of(
                """
                payment_id* text the payment
                account_id* text the account
                kind* choice[payment|refund|chargeback|write_off|deposit|opening_balance] what it is
                received_on* date day it was booked
                amount* decimal amount
                currency* text ISO 4217
                method text how it was paid
                invoice_number text the document it pays
                reverses text the payment it takes back
                """
            ),
            key=("payment_id",),
        ),
        Feed(
            "billed_until",
            columns_of(
                """
                account_id* text the account
                resource_id* text subscription, device or number
                billed_until* date last day an earlier system billed
                amount decimal what it billed
                """
            ),
            key=("account_id", "resource_id"),
        ),
        Feed(
            "suspensions",
            columns_of(
                """
                account_id* text the account whose service is suspended
                valid_from* date first day
                valid_to date last day included
                mode* choice[outbound_barred|full] outbound calls and messages alone, or all usage
                reason text why, such as the invoice that is not paid
                """
            ),
            key=("account_id", "valid_from"),
        ),
        Feed(
            "usage_totals",
            columns_of(
                """
                source* text the switch
                local_date* date the day
                records* integer how many records it wrote
                seconds* integer how many answered seconds
                """
            ),
            key=("source", "local_date"),
            is_control=True,
        ),
    )
}
