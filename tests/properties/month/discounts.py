"""Discounts of the feed: item percents, account percents, fixed amounts by largest remainder (RULES 10)."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from tests.properties.month.charge import Books
from tests.properties.month.days import DAY, last_day
from tests.properties.month.facts import Row, day, of, text


def in_force_on(books: Books, when: date, section: str, product: str, subscription: str) -> list[Row]:
    """Discounts that reach a charge: the version of each that is in force, items before the account's."""
    by_id: dict[str, Row] = {}
    for row in sorted(of(books.rows, "discounts", books.account.id), key=lambda row: text(row, "valid_from")):
        if (day(row, "valid_from") or when) <= when:
            by_id[text(row, "discount_id")] = row
    target = {"account": "", "section": section, "product_code": product, "subscription_id": subscription}
    there = [
        row
        for _, row in sorted(by_id.items())
        if when < last_day(text(row, "valid_to")) and text(row, "target") == target[text(row, "applies_to")]
    ]
    return sorted(there, key=lambda row: text(row, "applies_to") == "account")


def kept_of(rows: Sequence[Row]) -> Fraction:
    """What percents leave of one."""
    left = Fraction(1)
    for row in rows:
        left *= 1 - Fraction(text(row, "percent") or "0") / 100
    return left


def discount_off(books: Books, product: str, subscription: str, when: date) -> Fraction:
    """The share that percents take off a product's fee."""
    section = books.shelf.products[product]["section"]
    return 1 - kept_of(in_force_on(books, when, section, product, subscription))


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Cents over lines in proportion, by largest remainder; of equal remainders the first line's."""
    total = sum(weights)
    amount = min(amount, total)
    exact = [Fraction(amount * weight, total) if total else Fraction(0) for weight in weights]
    shares = [int(share) for share in exact]
    for n in sorted(range(len(weights)), key=lambda n: (shares[n] - exact[n], n))[: amount - sum(shares)]:
        shares[n] += 1
    return shares


def months_valid(row: Row) -> int:
    """On how many documents a fixed amount is given at most: the months in which it is valid."""
    start, end = day(row, "valid_from"), text(row, "valid_to")
    if start is None or not end:
        return 1000
    last = last_day(end) - DAY
    return (last.year - start.year) * 12 + last.month - start.month + 1
