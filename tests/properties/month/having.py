"""What an invented account has: addresses, phones that move, boxes, numbers; seats and agreements beside them."""

from datetime import timedelta

from tests.properties.month.agreements import TAX_IDS, discounts, earlier_system, money, proofs
from tests.properties.month.customers import Customer, address
from tests.properties.month.seats import cycles, kept, model, seats, term

DAYS = timedelta(days=1)


def have_everything(customer: Customer) -> None:
    _account(customer)
    _locations(customer)
    _phones(customer)
    _boxes(customer)
    _numbers(customer)
    for n in range(customer.draws.between(1, 3)):
        kinds = (seats, seats, cycles, term, kept, model)
        customer.draws.one(kinds)(customer, f"S-{customer.n}-{n}")
    money(customer)
    discounts(customer)
    proofs(customer)
    earlier_system(customer)


def _account(customer: Customer) -> None:
    customer.version(tax_id=TAX_IDS.get(customer.place.country, ""))
    if customer.chance(4):
        when, place = customer.day(2, 58), customer.draws.one(customer.home.places)
        # Who moves abroad may lack the VAT number that giving back reversed VAT demands, and is parked.
        if when > customer.starts and place.country == customer.place.country:
            customer.version(
                customer.is_late(when), place=place, effective_from=when, tax_id=TAX_IDS.get(place.country, "")
            )
    elif customer.chance(3):
        when, plan = customer.day(2, 58), customer.draws.one(customer.home.plans)
        if when > customer.starts:
            customer.version(plan=plan, effective_from=when, tax_id=TAX_IDS.get(customer.place.country, ""))


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


def _phones(customer: Customer) -> None:
    for n in range(customer.draws.between(1, 4)):
        id_, since, extension = f"D-{customer.n}-{n}", customer.since(), 101 + n
        phone = {"device_id": id_, "device_type": "phone", "product_code": "phone", "extension": extension}
        group = customer.group()
        customer.give("devices", **phone, location_id=_site(customer), billing_group=group, active_from=since)
        if customer.chance(3):
            moved = max(since + DAYS, customer.day(2, 58))
            # Calls are made from the first phone: whose group they have where phone and number differ is no rule.
            group = customer.group() if n else group
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
            "billing_group": customer.group(),
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
            "product_code": "number_standard", "extension": 101 + n, "billing_group": customer.group() if n else group,
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
