"""A home for the benchmark: the yardstick's calls, their 50,000 owners, and the real deck they are rated with.

Each account has 100 minutes that its calls draw on, so owner, class, match, increments, allowance and amount all work.
"""

import csv
import shutil
from pathlib import Path

from flows.home.settings import Home

MEMORY_LIMIT_MB = 4096

SETTINGS = """
[billing]
first_invoice_month = "2026-06"

[run]
memory_limit_mb = {memory_limit_mb}

[sellers.bench]
name = "Bench Telephone"
address_lines = ["1 Example Street"]
country = "GB"
time_zone = "Europe/London"
email = "billing@example.com"
series = "B"
tax_id = "GB999990021"
registrations = [{ label = "VAT", number = "GB999990021", country = "GB" }]

[decks.world]
file = "world.csv"
currency = "GBP"
valid_from = 2020-01-01

[sources.bench]
feed = "calls"
format = "csv"
path = "calls/*.csv"
"""

CATALOG = """
products:
  number: &telephony
    name: Number
    section: phone_numbers
    billed_from: numbers
    tax_class: telephony
    telecom_percent: "100"
    interstate: none
    prices: {GBP: "1.00"}
  included: {<<: *telephony, name: Included minutes, section: included_minutes, billed_from: usage, prices: {}}
  calls: {<<: *telephony, name: Minutes, section: outbound_overage, billed_from: usage, prices: {}}
plans:
  world:
    name: World
    currency: GBP
    domestic: [US]
    allowances:
      minutes: {name: Minutes of the plan, unit: minute, units: 100, per: account}
    usage:
      domestic: &priced {deck: world, allowance: minutes, included: included, charged: calls}
      international: *priced
"""

ACCOUNT = {
    "name": "Bench", "customer_type": "business", "seller_id": "bench", "currency": "GBP", "time_zone": "Europe/London",
    "locale": "en_GB", "address_line1": "1 Example Street", "city": "London", "postal_code": "EC1A 1BB",
    "country": "GB", "email": "bench@example.com", "plan": "world", "service_start_date": "2026-05-01",
    "billing_start_date": "2026-05-01",
}  # fmt: skip


def make_home(root: Path, data: Path, deck: Path, memory_limit_mb: int = MEMORY_LIMIT_MB) -> Home:
    """A fresh home over what the yardstick's make_calls left in `data`; the calls lie beside the inbox, not in it."""
    shutil.rmtree(root, ignore_errors=True)
    home = Home(root)
    home.rates.mkdir(parents=True)
    home.settings_file.write_text(SETTINGS.replace("{memory_limit_mb}", str(memory_limit_mb)))
    (home.catalog / "catalog.yaml").write_text(CATALOG)
    with deck.open(newline="") as file:
        rows = [
            {"prefix": row["prefix"], "destination": row["destination"], "price": row["rate_per_minute"],
             "connect_fee": row["connect_fee"], "increment_s": row["increment_s"]}
            for row in csv.DictReader(file)
        ]  # fmt: skip
    _write(home.rates / "world.csv", rows)
    with (data / "owners.csv").open(newline="") as file:
        owners = list(csv.DictReader(file))
    _write(home.inbox / "accounts" / "a.csv", [{"account_id": owner["account_id"], **ACCOUNT} for owner in owners])
    number = {"number_type": "standard", "product_code": "number", "active_from": "2026-05-01"}
    _write(home.inbox / "numbers" / "n.csv", [{**owner, **number} for owner in owners])
    (home.inbox / "calls").mkdir()
    return home


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
