"""Subscriptions of an invented account: by the month and by other cycles, in terms, with price models, kept."""

from datetime import date, timedelta

from tests.properties.month.customers import Customer, month_of
from tests.properties.month.days import months_after

DAYS = timedelta(days=1)


def seats(customer: Customer, id_: str) -> None:
    """By the month; quantities, prices and groups change, some are cancelled."""
    product = customer.draws.one(("plain_seat", "day_seat", "contact_center_seat", "call_recording", "rising_seat"))
    seat = {"subscription_id": id_, "product_code": product, "billing_group": customer.group()}
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


def cycles(customer: Customer, id_: str) -> None:
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


def term(customer: Customer, id_: str) -> None:
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


def model(customer: Customer, id_: str) -> None:
    product = customer.draws.one(("tiered", "by_volume", "packaged", "share", "share_by_tier", "bounded"))
    seat = {"subscription_id": id_, "product_code": product}
    since = customer.since()
    customer.give("subscriptions", **seat, quantity=customer.draws.between(1, 40), start_date=since)
    when = since
    for _ in range(customer.draws.below(3)):
        when = max(when + DAYS, customer.day(2, 58))
        quantity = customer.draws.between(1, 40)
        customer.give("subscriptions", customer.is_late(when), **seat, quantity=quantity, start_date=when)


def kept(customer: Customer, id_: str) -> None:
    """Seats of which nothing is given back: fewer, and perhaps more again."""
    seat = {"subscription_id": id_, "product_code": "kept_seat"}
    since = customer.since()
    customer.give("subscriptions", **seat, quantity=customer.draws.between(1, 9), start_date=since)
    when, late = since, customer.told_late()
    for _ in range(customer.draws.below(4)):
        when = max(when + DAYS, customer.day(2, 58))
        customer.give("subscriptions", late, **seat, quantity=customer.draws.between(1, 9), start_date=when)
