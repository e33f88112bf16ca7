"""What an invented account has: phones that move, numbers, seats of every kind, agreed prices, discounts, proofs."""

from datetime import date, timedelta

from tests.properties.month.customers import Customer, address, month_of
from tests.properties.month.days import months_after

DAYS = timedelta(days=1)


def have_everything(customer: Customer) -> None:
    _account(customer)
    _locations(customer)
    _phones(customer)
    _boxes(customer)
    _numbers(customer)
    moves = (
        len(
            {
                row["postal_code"]
                for rows in customer.files
                for row in rows["accounts"]
                if row["account_id"] == customer.id
            }
        )
        > 1
    )
    for n in range(customer.draws.between(1, 3)):
        kinds = (
            _seats,
            _seats,
            _cycles,
            _term,
            _kept,
            _seats if moves else _model,
        )  # a model's seat that moves: see the test
        customer.draws.one(kinds)(customer, f"S-{customer.n}-{n}")
    _money(customer)
    _discounts(customer)
    _proofs(customer)
    _earlier_system(customer)


def _account(customer: Customer) -> None:
    customer.version(tax_id=_TAX_IDS.get(customer.place.country, ""))
    if customer.chance(4):
        when, place = customer.day(2, 58), customer.draws.one(customer.home.places)
        # Who moves abroad may lack the VAT number that giving back reversed VAT demands, and is parked.
        if when > customer.starts and place.country == customer.place.country:
            customer.version(
                customer.is_late(when), place=place, effective_from=when, tax_id=_TAX_IDS.get(place.country, "")
            )
    elif customer.chance(3):
        when, plan = customer.day(2, 58), customer.draws.one(customer.home.plans)
        if when > customer.starts:
            customer.version(plan=plan, effective_from=when, tax_id=_TAX_IDS.get(customer.place.country, ""))


_TAX_IDS = {"DE": "DE999900104", "FR": "FR80999900111"}


TAX_ON_TAX = ("TX", "NL")
"""Where a tax is on fees too: how a fee's cents are told apart over places is no rule, so these accounts have one."""


def _locations(customer: Customer) -> None:
    regions = {
        row.get("region") for rows in customer.files for row in rows["accounts"] if row["account_id"] == customer.id
    }
    for n, place in enumerate(customer.home.places[:5]):
        if place.country == customer.place.country and not {*regions, place.region} & {*TAX_ON_TAX}:
            customer.give("locations", location_id=f"L-{customer.n}-{n}", **address(place))


def _site(customer: Customer) -> str:
    there = [row["location_id"] for row in customer.files[0]["locations"] if row["account_id"] == customer.id]
    return str(customer.draws.one(["", *there]))


def _group(customer: Customer) -> str:
    return str(customer.draws.one(("", "", "North")))


def _phones(customer: Customer) -> None:
    for n in range(customer.draws.between(1, 4)):
        id_, since, extension = f"D-{customer.n}-{n}", customer.since(), 101 + n
        phone = {"device_id": id_, "device_type": "phone", "product_code": "phone", "extension": extension}
        group = _group(customer)
        customer.give("devices", **phone, location_id=_site(customer), billing_group=group, active_from=since)
        if customer.chance(3):
            moved = max(since + DAYS, customer.day(2, 58))
            # Calls are made from the first phone: the group of a call whose device changed it, see the test.
            group = _group(customer) if n else group
            customer.give("devices", customer.is_late(moved), **phone, location_id=_site(customer), billing_group=group,
                          active_from=moved)  # fmt: skip
        elif customer.chance(3):
            gone = max(since, customer.day(-10, 58))
            customer.give("devices", **(phone | {"device_id": f"{id_}-too"}), active_from=since, active_to=gone)


def _boxes(customer: Customer) -> None:
    for n in range(customer.draws.between(0, 2)):
        since = customer.since()
        box = {
            "device_id": f"B-{customer.n}-{n}", "device_type": "ata", "active_from": since,
            "billing_group": _group(customer),
            "product_code": customer.draws.one(("ata", "paging", "rental_phone", "kept_device", "day_device")),
        }  # fmt: skip
        customer.give("devices", **box)
        gone = since + DAYS * customer.draws.between(0, 120)
        if customer.chance(2) and gone > customer.before:
            customer.give("devices", customer.is_late(gone), **box, active_to=gone)


def _numbers(customer: Customer) -> None:
    # Calls between extensions are made from 101: whose group they have is no rule where phone and number differ.
    (group,) = {
        row.get("billing_group", "") for row in customer.files[0]["devices"] if row["device_id"] == f"D-{customer.n}-0"
    }
    for n in range(customer.draws.between(1, 3)):
        since = customer.since()
        number = {
            "number": f"{customer.home.area}{customer.n}{n}{customer.draws.between(10, 99)}", "number_type": "standard",
            "product_code": "number_standard", "extension": 101 + n, "billing_group": _group(customer) if n else group,
            "active_from": since,
        }  # fmt: skip
        customer.give("numbers", **number)
        gone = since + DAYS * customer.draws.between(20, 120)
        if customer.chance(4) and gone > customer.before:
            customer.give("numbers", customer.is_late(gone), **number, active_to=gone)

    if customer.home.toll_free:
        customer.toll_free = f"{customer.home.toll_free}{customer.n}{customer.draws.between(100, 999)}"
        customer.give("numbers", number=customer.toll_free, number_type="toll_free", product_code="number_toll_free",
                      active_from=customer.starts)  # fmt: skip


def _seats(customer: Customer, id_: str) -> None:
    """By the month; quantities, prices and groups change, some are cancelled."""
    product = customer.draws.one(("plain_seat", "day_seat", "contact_center_seat", "call_recording", "rising_seat"))
    seat = {"subscription_id": id_, "product_code": product, "billing_group": _group(customer)}
    since = customer.since()
    customer.give("subscriptions", **seat, quantity=customer.draws.between(1, 14), start_date=since)
    _changes(customer, seat, since)


def _changes(customer: Customer, seat: dict[str, str], since: date) -> None:
    """Up to two later versions, the last of which may end."""
    when, late, rows = since, customer.told_late(), []
    for _ in range(customer.draws.below(3)):
        when = max(when + DAYS, customer.day(2, 50))
        rows.append((when, {"quantity": customer.draws.between(1, 14)}))
    for when, change in rows:
        ends = (
            {"end_date": when + DAYS * customer.draws.between(1, 30)}
            if when == rows[-1][0] and customer.chance(4)
            else {}
        )
        customer.give("subscriptions", late, **seat, **change, start_date=when, **ends)


def _cycles(customer: Customer, id_: str) -> None:
    """Quarters, years and thirty days, with an anchor or from the day of sign-up; from the month to a longer cycle."""
    since, draws = customer.since(), customer.draws
    anchor = customer.before - DAYS * draws.between(-28, 330)
    kind = draws.below(4)
    if kind == 0:
        customer.give("subscriptions", subscription_id=id_, product_code="line_annual", quantity=draws.between(1, 9),
                      billing_interval="P1Y", bill_anchor=anchor, start_date=since)  # fmt: skip
    elif kind == 1:
        seat = {
            "subscription_id": id_,
            "product_code": "plain_seat",
            "bill_anchor": str(anchor),
            "billing_interval": "P3M",
        }
        customer.give("subscriptions", **seat, quantity=draws.between(1, 9), start_date=since)
        _changes(customer, seat, since)
    elif kind == 2:
        seat = {
            "subscription_id": id_,
            "product_code": "thirty",
            "billing_interval": draws.one(("P30D", "P30D", "P6M")),
        }
        seat |= {"bill_anchor": str(anchor)} if draws.below(2) else {}
        customer.give("subscriptions", **seat, quantity=draws.between(1, 9), start_date=since)
        _changes(customer, seat, since)
    else:
        seat = {"subscription_id": id_, "product_code": "plain_seat", "quantity": str(draws.between(1, 9))}
        customer.give("subscriptions", **seat, start_date=since)
        when = max(since + DAYS, customer.day(2, 58))
        customer.give("subscriptions", customer.is_late(when), **seat, start_date=when, bill_anchor=when,
                      billing_interval=draws.one(("P3M", "P1Y")))  # fmt: skip


def _term(customer: Customer, id_: str) -> None:
    """Terms from the first of a month, with commitments, renewals and cancellations."""
    draws = customer.draws
    begins = months_after(month_of(customer.starts), 0 if customer.starts.day == 1 else 1)
    seat = {
        "subscription_id": id_, "product_code": draws.one(("rising_seat", "plain_seat")), "term_start": begins,
        "term_months": draws.one((1, 2, 3, 6, 12)), "renewal_months": draws.one(("", 1, 3, 12)),
        "committed_quantity": draws.one(("", 4, 8)), "unit_price": draws.one(("", "", "11.11")),
    }  # fmt: skip
    customer.give("subscriptions", **seat, quantity=draws.between(1, 12), start_date=begins)
    if customer.chance(2):
        when = max(begins + DAYS, customer.day(2, 50))
        customer.give("subscriptions", customer.is_late(when), **seat, quantity=draws.between(1, 12), start_date=when)
    elif customer.chance(2):
        when = max(begins, customer.day(2, 50))
        customer.give("subscriptions", **seat, quantity=3, start_date=begins, cancel_requested_on=when)


def _model(customer: Customer, id_: str) -> None:
    product = customer.draws.one(("tiered", "by_volume", "packaged", "share", "share_by_tier", "bounded"))
    seat = {"subscription_id": id_, "product_code": product}
    since = customer.since()
    customer.give("subscriptions", **seat, quantity=customer.draws.between(1, 40), start_date=since)
    if customer.chance(2):  # two changes of one paid cycle: see test_month_twin
        when = max(since + DAYS, customer.day(2, 58))
        quantity = customer.draws.between(1, 40)
        customer.give("subscriptions", customer.is_late(when), **seat, quantity=quantity, start_date=when)


def _kept(customer: Customer, id_: str) -> None:
    """Seats of which nothing is given back: fewer, and perhaps more again."""
    seat = {"subscription_id": id_, "product_code": "kept_seat"}
    since = customer.since()
    customer.give("subscriptions", **seat, quantity=customer.draws.between(1, 9), start_date=since)
    when, late = since, customer.told_late()
    for _ in range(customer.draws.below(4)):
        when = max(when + DAYS, customer.day(2, 58))
        customer.give("subscriptions", late, **seat, quantity=customer.draws.between(1, 9), start_date=when)


def _money(customer: Customer) -> None:
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
            "billing_group": _group(customer), "reason": "agreed",
        }  # fmt: skip
        charge |= {"amount": "12.34"} if draws.below(2) else {"quantity": draws.between(1, 3), "unit_price": "15.05"}
        customer.give("charges", customer.is_late(when), **charge)


def _discounts(customer: Customer) -> None:
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


def _earlier_system(customer: Customer) -> None:
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


def _proofs(customer: Customer) -> None:
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
    tax_id = _TAX_IDS.get(customer.place.country)
    if tax_id and draws.below(2):
        customer.give("tax_id_checks", tax_id=tax_id, checked_at=f"{customer.before - DAYS * 3}T09:00:00Z",
                      result=draws.one(("valid", "valid", "invalid")), name_matched="true")  # fmt: skip
