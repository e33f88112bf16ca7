"""The home of the simulated year: three sellers, a catalogue whose prices rise, and two decks, one of them replaced."""

SETTINGS = """
[billing]
first_invoice_month = "2025-07"

[sellers.uk]
name = "Example Telephone Ltd"
address_lines = ["1 Example Street", "London"]
country = "GB"
time_zone = "Europe/London"
email = "billing@example.com"
tax_id = "GB000000000"
series = "UK"
write_off_after_days = 94

[sellers.ca]
name = "Exemple Téléphone"
address_lines = ["1 Example Street", "Toronto"]
country = "CA"
region = "ON"
time_zone = "America/Toronto"
email = "billing@example.com"
registrations = [{label = "GST/HST", number = "000000000 RT0001"}, {label = "QST", number = "0000000000 TQ0001"}]
series = "CA"
correction_style = "adjustment"
late_usage = "correction"

[sellers.us]
name = "Example Telephone Inc"
address_lines = ["1 Example Street", "Austin, TX"]
country = "US"
region = "TX"
time_zone = "America/Chicago"
email = "billing@example.com"
series = "US"
late_usage = "correction"

[decks.world]
file = "world.csv"
currency = "GBP"
valid_from = 2020-01-01

[decks.america]
file = "america.csv"
currency = "CAD"
valid_from = 2020-01-01

[decks.states]
file = "america.csv"
currency = "USD"
valid_from = 2020-01-01
"""

CATALOG = """
products:
  seat: &telephony
    name: Seat
    section: service_fees
    billed_from: subscriptions
    tax_class: telephony
    telecom_percent: "100"
    interstate: safe_harbour
    prices: {GBP: &list {2020-01-01: "651.00", 2026-02-01: "1302.00"}, CAD: *list, USD: *list}
  stopping_seat: {<<: *telephony, name: Seat that is not billed while suspended, when_suspended: stop}
  thirty_days: &thirty
    <<: *telephony
    name: Seat for thirty days
    price_interval: P30D
    prices: {GBP: {2020-01-01: "660.00", 2026-02-01: "1320.00"}}
  stopping_thirty_days: {<<: *thirty, name: Thirty days that are not billed while suspended, when_suspended: stop}
  yearly: {<<: *telephony, name: Seat for a year, price_interval: P1Y, prices: {GBP: "7300.00"}}
  desk_phone:
    <<: *telephony
    name: Desk phone
    billed_from: devices
    per: extension
    by_location: true
    access_lines: "1"
    prices: {USD: "65.10"}
  line: {<<: *telephony, name: Line, billed_from: devices, prices: {GBP: "65.10", CAD: "65.10", USD: "65.10"}}
  set_up: {<<: *telephony, name: Set-up, section: one_time, billed_from: charges, prices: {}}
  included: &usage
    <<: *telephony
    name: Minutes in the plan
    section: included_minutes
    billed_from: usage
    prices: {}
  overage: {<<: *usage, name: Minutes beyond the plan, section: outbound_overage}
  abroad: {<<: *usage, name: International minutes, section: international_minutes}
plans:
  office: &office
    name: Office
    currency: GBP
    domestic: [GB]
    allowances:
      minutes: {name: Minutes, unit: minute, units: 10, per: account}
    usage:
      domestic: {deck: world, allowance: minutes, included: included, charged: overage}
      international: {deck: world, charged: abroad}
  large:
    <<: *office
    name: Large office
    allowances:
      minutes: {name: Minutes, unit: minute, units: 30, per: account}
  bureau:
    <<: *office
    currency: CAD
    domestic: [CA]
    usage:
      domestic: {deck: america, allowance: minutes, included: included, charged: overage}
      international: {deck: america, charged: abroad}
  states:
    <<: *office
    currency: USD
    domestic: [US]
    usage:
      domestic: {deck: states, allowance: minutes, included: included, charged: overage}
      international: {deck: states, charged: abroad}
"""

_HEADER = "prefix,destination,price,per_s,increment_s,valid_from,valid_to\n"
DECKS = {
    "world.csv": f"{_HEADER}44,United Kingdom,0.05,60,60,,\n33,France,0.60,60,60,,\n",
    "america.csv": f"{_HEADER}1,America,0.05,60,60,,\n33,France,0.65,60,60,,\n44,United Kingdom,0.70,60,60,,\n",
}
RAISED = (
    f"{_HEADER}44,United Kingdom,0.05,60,60,,\n"
    "33,France,0.60,60,60,2020-01-01,2026-01-09\n33,France,0.80,60,60,2026-01-10,\n"
)
"""The world deck as it comes in March: France costs more since 10 January, two invoices ago."""
