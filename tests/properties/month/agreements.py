"""What is agreed with an invented account: prices, single charges, discounts, proofs; what was billed before."""

from datetime import timedelta

from tests.properties.month.customers import Customer
from tests.properties.month.days import months_after

DAYS = timedelta(days=1)
TAX_IDS = {"DE": "DE999900104", "FR": "FR80999900111"}


def money(customer: Customer) -> None:
    """Agreed prices, single charges and credits, discounts."""
    draws = customer.draws
    if customer.chance(4):
        customer.give(
            "prices", product_code=draws.one(("phone", "ata", "plain_seat")), unit_price="9.87",
            currency=customer.home.currency, valid_from=draws.one((customer.starts, customer.day(0, 40))),
        )  # fmt: skip
    for n in range(draws.between(0, 3)):
        when = customer.day(2, 58)
        if (when.year, when.month) == (customer.starts.year, customer.starts.month):
            continue
        kind = draws.one(("one_time", "fee", "credit"))
        charge = {
            "charge_id": f"C-{customer.n}-{n}", "kind": kind, "charge_date": when, "currency": customer.home.currency,
            "product_code": "service_credit" if kind == "credit" else draws.one(("activation_fee", "site_visit")),
            "billing_group": customer.group(), "reason": "agreed",
        }  # fmt: skip
        charge |= {"amount": "12.34"} if draws.below(2) else {"quantity": draws.between(1, 3), "unit_price": "15.05"}
        customer.give("charges", customer.is_late(when), **charge)


def discounts(customer: Customer) -> None:
    """Percents and fixed amounts, of the account, a section, a product or a subscription, some for a month only."""
    draws = customer.draws
    mine = [row for rows in customer.files for row in rows["subscriptions"] if row["account_id"] == customer.id]
    is_bounded = any(row["product_code"] == "bounded" for row in mine)
    for n in range(draws.below(4)):
        kind = draws.one(("account", "section", "product_code", "subscription_id"))
        targets = {
            "account": ("",), "section": ("service_fees", "international_minutes", "phone_numbers", "one_time"),
            "product_code": ("phone", "minutes_overage", "number_standard"),
            "subscription_id": [row["subscription_id"] for row in mine],
        }  # fmt: skip
        start = draws.one((customer.before - DAYS * 400, customer.before, customer.first_invoice))
        end = draws.one((None, None, months_after(start, draws.between(1, 3)) - DAYS))
        is_fixed = draws.below(3) == 0 and not is_bounded and kind in ("account", "section")
        amount = {"amount": draws.one(("0.50", "2.00", "3.33"))} if is_fixed else {}
        customer.give("discounts", discount_id=f"R-{customer.n}-{n}", applies_to=kind, target=draws.one(targets[kind]),
                      valid_from=start, valid_to=end if end is not None and end > customer.before else "",
                      **(amount or {"percent": draws.one(("10", "12.5", "33"))}))  # fmt: skip


def earlier_system(customer: Customer) -> None:
    """What the system before billed of things that were there before it ended: with an amount or without, to the
    end of its last month, or to a day of it or of ours (of what does not change then: see the test)."""
    draws, last = customer.draws, customer.first_invoice - DAYS
    mine = [
        (row.get("device_id") or row["subscription_id"], row)
        for rows in customer.files
        for feed in ("devices", "subscriptions")
        for row in rows[feed]
        if row["account_id"] == customer.id and row["product_code"] in ("day_device", "kept_device", "plain_seat")
    ]
    for id_, row in mine:
        versions = [other for other_id, other in mine if other_id == id_]
        if len(versions) > 1 or "active_to" in row or "bill_anchor" in row or customer.chance(2):
            continue
        until = draws.one((last, last, last + DAYS * 12, last - DAYS * 10))
        amounts = ("", "0") if row["product_code"] == "plain_seat" else ("", "0", "8.05", "3.33")
        told = draws.one(amounts) if until == last else ""
        if str(row.get("start_date") or row["active_from"]) < f"{customer.before}":
            customer.give("billed_until", resource_id=id_, billed_until=until, amount=told)


def proofs(customer: Customer) -> None:
    """Certificates and checks of VAT ids."""
    draws = customer.draws
    if customer.chance(4):
        names = {
            "US": ({"tax_code": "USF"}, {"jurisdiction": f"US-{customer.place.region}"}, {"tax_code": "SLRRF"}),
            "CA": ({"tax_code": "HST"}, {"tax_code": "GST"}, {"jurisdiction": f"CA-{customer.place.region}"}),
        }.get(customer.place.country, ({"tax_code": "VAT"},))
        customer.give("certificates", certificate_number=f"X-{customer.n}", **draws.one(names),
                      valid_from=customer.before - DAYS * 100,
                      valid_to=draws.one(("", customer.first_invoice + DAYS * 10)))  # fmt: skip
    tax_id = TAX_IDS.get(customer.place.country)
    if tax_id and draws.below(2):
        customer.give("tax_id_checks", tax_id=tax_id, checked_at=f"{customer.before - DAYS * 3}T09:00:00Z",
                      result=draws.one(("valid", "valid", "invalid")), name_matched="true")  # fmt: skip
