"""A home for the month scenarios: one seller, a small catalogue, and every scenario's accounts in one inbox."""

import csv
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flows.home.settings import Home
from schemas.feeds import FEEDS

SETTINGS = """
[billing]
first_invoice_month = "2025-06"

[sellers.uk]
name = "Example Telephone Ltd"
address_lines = ["1 Example Street", "London"]
country = "GB"
tax_id = "GB999990143"
time_zone = "Europe/London"
email = "billing@example.com"
series = "UK"

[decks.world]
file = "world.csv"
currency = "GBP"
valid_from = 2020-01-01
"""

FX = """date,from,to,rate,source
2025-08-01,GBP,EUR,1.1500,made up
"""
"""VAT of an account that is billed in pounds and taxed in Germany is told in euro too."""

CATALOG = """
products:
  phone: &telephony
    name: Phone
    section: service_fees
    billed_from: devices
    per: extension
    tax_class: telephony
    telecom_percent: "100"
    interstate: none
    prices: {GBP: "31.00"}
  ata: {<<: *telephony, name: Adapter, per: resource, prices: {GBP: "31.00"}}
  kept: {<<: *telephony, name: Kept to the end of the month, per: resource, removal: none, prices: {GBP: "31.00"}}
  day_counted: {<<: *telephony, name: Counted by the day, per: resource, day_count: half_open, prices: {GBP: "31.00"}}
  number:
    <<: *telephony
    name: Number
    section: phone_numbers
    billed_from: numbers
    per: resource
    prices: {GBP: "3.10"}
  seat: {<<: *telephony, name: Seat, billed_from: subscriptions, per: resource, prices: {GBP: "31.00"}}
  yearly:
    <<: *telephony
    name: Seat paid yearly
    billed_from: subscriptions
    per: resource
    prices: {GBP: "365.00"}
    price_interval: P1Y
  broadband:
    <<: *telephony
    name: Broadband
    section: broadband
    billed_from: subscriptions
    per: resource
    awaits_confirmation: true
    prices: {GBP: "31.00"}
  stopping_seat:
    <<: *telephony
    name: Seat that is not billed while suspended
    billed_from: subscriptions
    per: resource
    when_suspended: stop
    prices: {GBP: "31.00"}
  stopping:
    <<: *telephony
    name: Adapter that is not billed while suspended
    per: resource
    when_suspended: stop
    day_count: half_open
    prices: {GBP: "31.00"}
  raised_seat:
    <<: *telephony
    name: Seat that became dearer on 10 July
    billed_from: subscriptions
    per: resource
    prices: {GBP: {2020-01-01: "30.00", 2025-07-10: "36.00"}}
  thirty_days:
    <<: *telephony
    name: Plan of thirty days
    billed_from: subscriptions
    per: resource
    prices: {GBP: {2020-01-01: "30.00", 2025-07-15: "33.00"}}
    price_interval: P30D
    interval_prices: {P1W: {GBP: "7.00"}, P6M: {GBP: "180.00"}}
  kept_seat:
    <<: *telephony
    name: Seat, nothing back in mid-period
    billed_from: subscriptions
    per: resource
    removal: none
    prices: {GBP: "31.00"}
    interval_prices: {P3M: {GBP: "90.00"}}
  raised:
    <<: *telephony
    name: Adapter that became dearer on 10 June
    per: resource
    prices: {GBP: {2020-01-01: "10.00", 2025-06-10: "15.00"}}
  set_up: {<<: *telephony, name: Set-up, section: one_time, billed_from: charges, per: resource}
  goodwill: {<<: *telephony, name: Goodwill, section: adjustments, billed_from: charges, per: resource}
  tiered: &priced
    <<: *telephony
    name: Seat, the first ten at 10.00 and the others at 5.00
    billed_from: subscriptions
    per: resource
    prices: {}
    pricing: {GBP: {model: graduated, tiers: [{up_to: "10", unit_price: "10.00"}, {unit_price: "5.00"}]}}
  by_volume:
    <<: *priced
    pricing:
      GBP:
        model: volume
        tiers: [{up_to: "15", unit_price: "10.00"}, {up_to: "20", unit_price: "5.00", flat_fee: "1.00"}]
  packaged:
    <<: *priced
    pricing: {GBP: {model: package, package_size: "10", package_price: "15.00", free_units: "5"}}
  share: {<<: *priced, pricing: {GBP: {model: percentage, percent: "1.5"}}}
  share_by_tier:
    <<: *priced
    pricing:
      GBP: {model: graduated_percentage, tiers: [{up_to: "100", percent: "1", flat_fee: "2.00"}, {percent: "3"}]}
  at_least:
    <<: *priced
    pricing: {GBP: {model: standard, unit_price: "3.10", minimum: "31.00", maximum: "93.00"}}
  reduced:
    <<: *priced
    pricing: {GBP: {2020-01-01: {model: standard, unit_price: "31.00", discount_percent: "10"}}}
  included: &usage
    <<: *telephony
    name: Minutes in the plan
    section: included_minutes
    billed_from: usage
    per: resource
    prices: {}
  overage: {<<: *usage, name: Minutes beyond the plan, section: outbound_overage}
  premium: {<<: *usage, name: Premium minutes, section: premium_minutes}
  toll_free: {<<: *usage, name: Toll-free minutes, section: toll_free_minutes}
  abroad: {<<: *usage, name: International minutes, section: international_minutes}
  minutes_by_tier:
    <<: *usage
    name: Minutes of the month
    section: outbound_overage
    pricing:
      GBP:
        model: graduated
        unit: minute
        minimum: "0.50"
        tiers: [{up_to: "1", unit_price: "0.60"}, {unit_price: "0.06"}]
  minutes_in_packages:
    <<: *usage
    name: Packages of minutes
    section: toll_free_minutes
    pricing: {GBP: {model: package, unit: minute, package_size: "10", package_price: "0.25"}}
  half_price_abroad:
    <<: *usage
    name: International minutes at half the list
    section: international_minutes
    pricing: {GBP: {model: percentage, percent: "50"}}
  texts: {<<: *usage, name: Text messages, section: sms_overage, tax_class: sms, unit: credit}
  least_used: &least
    <<: *usage
    name: Minutes, 10.00 a month at least
    section: outbound_overage
    minimum: {GBP: "10.00"}
  least_priced:
    <<: *usage
    name: Minutes at 0.50, 10.00 a month at least
    section: outbound_overage
    pricing: {GBP: {model: standard, unit: minute, unit_price: "0.50", minimum: "10.00"}}
    shortfall_product: unused
  least_by_day: {<<: *least, name: Minutes counted by the day, day_count: half_open}
  least_stopping: {<<: *least, name: Minutes with a minimum that stops, when_suspended: stop}
  unused:
    <<: *usage
    name: Minimum use
    section: one_time
    billed_from: charges
    tax_class: data
  least_texts: {<<: *least, name: Texts, section: sms_overage, unit: credit, minimum: {GBP: "1.00"}}
plans:
  least:
    name: A minute at 0.50, 10.00 a month at least
    currency: GBP
    domestic: [GB]
    usage:
      domestic: &half {rate: {price: "0.50", increment: 1}, charged: least_used}
      internal: *half
      inbound: {free: true}
  least_too: {name: The same, currency: GBP, domestic: [GB], usage: {domestic: *half, inbound: {free: true}}}
  least_priced:
    name: The month's minutes at 0.50, 10.00 at least
    currency: GBP
    domestic: [GB]
    usage: {domestic: {rate: {price: "0"}, charged: least_priced}, inbound: {free: true}}
  least_stopping:
    name: The same, not asked for while suspended
    currency: GBP
    domestic: [GB]
    usage: {domestic: {rate: {price: "0.50"}, charged: least_stopping}, inbound: {free: true}}
  least_by_day:
    name: The same, counted by the day
    currency: GBP
    domestic: [GB]
    usage: {domestic: {rate: {price: "0.50"}, charged: least_by_day}, inbound: {free: true}}
  least_texts:
    name: Texts at 0.05, 1.00 a month at least
    currency: GBP
    domestic: [GB, US]
    usage: {sms: {rate: {price: "0.05"}, charged: least_texts}, inbound: {free: true}}
  texting:
    name: Text messages at a price each
    currency: GBP
    domestic: [GB, US]
    usage:
      inbound: {free: true}
      sms: {rate: {price: "0.0150"}, charged: texts}
  guarded:
    name: A minute at 0.50, emergency calls free
    currency: GBP
    domestic: [GB]
    usage:
      domestic: {rate: {price: "0.50", increment: 1}, charged: overage}
      emergency: {free: true}
      inbound: {free: true}
  by_month:
    name: The month's units priced together
    currency: GBP
    domestic: [GB]
    usage:
      domestic: {rate: {price: "0", increment: 1}, charged: minutes_by_tier}
      toll_free: {rate: {price: "0", increment: 60}, charged: minutes_in_packages}
      inbound: {free: true}
      international: {deck: world, charged: half_price_abroad}
  office:
    name: Office
    currency: GBP
    domestic: [GB]
    prices: {seat: {2025-08-01: "62.00", 2020-01-01: "31.00"}}
    allowances:
      minutes: {name: Minutes, unit: minute, units: 10, per: resource, products: [phone]}
    usage:
      domestic: {deck: world, allowance: minutes, included: included, charged: overage}
      internal: {rate: {price: "0.06", per: 60, increment: 1}, allowance: minutes, included: included, charged: overage}
      premium: {deck: world, charged: premium}
      toll_free: {rate: {price: "0.03"}, charged: toll_free}
      inbound: {free: true}
      international: {deck: world, charged: abroad}
"""

DECK = """prefix,destination,price,per_s,increment_s,minimum_s,connect_fee,class
44,United Kingdom,0.06,60,1,0,0,
449,United Kingdom premium,0.60,60,60,0,0.10,premium
33,France,0.2093,60,1,0,0,
336,France mobile,0.30,60,6,30,0,
881,Satellite,5.00,60,60,0,0,
"""

ACCOUNT = {
    "name": "Example Customer",
    "seller_id": "uk",
    "currency": "GBP",
    "time_zone": "Europe/London",
    "locale": "en_GB",
    "address_line1": "2 Example Road",
    "city": "Leeds",
    "postal_code": "LS1 1AA",
    "country": "GB",
    "email": "accounts@example.org",
    "plan": "office",
    "service_start_date": "2024-01-01",
    "billing_start_date": "2024-01-01",
}

DEFAULTS: dict[str, dict[str, Any]] = {
    "accounts": ACCOUNT,
    "devices": {"device_type": "phone", "product_code": "phone", "active_from": "2024-01-01"},
    "numbers": {"number_type": "standard", "product_code": "number", "active_from": "2024-01-01"},
    "subscriptions": {"product_code": "seat", "quantity": "1", "start_date": "2024-01-01"},
    "charges": {"kind": "one_time", "product_code": "set_up", "currency": "GBP", "reason": "agreed"},
    "calls": {"direction": "outbound", "disposition": "ANSWERED"},
    "prices": {"currency": "GBP"},
    "discounts": {"applies_to": "account", "valid_from": "2020-01-01"},
}


def make_home(root: Path) -> Home:
    """An empty home with the scenarios' settings and catalogue."""
    home = Home(root)
    home.rates.mkdir(parents=True)
    home.settings_file.write_text(SETTINGS, encoding="utf-8")
    (home.catalog / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    shutil.copy(Path(__file__).parent / "allowance_plans.yaml", home.catalog)
    (home.rates / "world.csv").write_text(DECK, encoding="utf-8")
    (home.catalog / "fx.csv").write_text(FX, encoding="utf-8")
    return home


def add_file(home: Home, feed: str, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Writes rows, completed by DEFAULTS, as a canonical file of the inbox."""
    path = home.inbox / feed / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [column.name for column in FEEDS[feed].columns]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="raise")
        writer.writeheader()
        for row in rows:
            writer.writerow({**DEFAULTS.get(feed, {}), **row})
    return path
