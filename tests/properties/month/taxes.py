"""Taxes and recovery fees of a document from the tables' text (RULES 20 to 22)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from tests.properties.month.charge import Books
from tests.properties.month.days import last_day
from tests.properties.month.facts import Row, day, of, text
from tests.properties.month.lines import Line
from tests.properties.month.prices import rounded
from tests.properties.month.shelf import Table, in_force


class TaxRow(NamedTuple):
    """One tax, jurisdiction, rate and date. For levies `rate` is the amount a line and `base` the lines."""

    code: str
    jurisdiction: str
    on: date
    rate: Fraction
    base: Fraction
    exempt: Fraction
    amount: Fraction


def chain(books: Books, address: Row) -> tuple[str, ...]:
    """Country, region and place of an address, the widest first."""
    country, region = text(address, "country"), text(address, "region")
    found = [country, f"{country}-{region}"] if region else [country]
    postal = text(address, "postal_code").replace(" ", "")
    for place, codes in books.shelf.places.items():
        is_inside = place.startswith(f"{country}-" if place.count("-") == 1 else f"{country}-{region}-")
        if is_inside and any(postal.startswith(code) for code in codes):
            found.append(place)
    return tuple(found)


def place_of(books: Books, line: Line, on: date) -> tuple[str, ...]:
    """Where a line is taxed: its location, else the billing address."""
    if line.location:
        return chain(books, next(row for row in books.rows["locations"] if row["location_id"] == line.location))
    return chain(books, books.account.on(on))


def taxes(books: Books, lines: Iterable[Line], on: date) -> list[TaxRow]:
    """The rows of lines that are all taxed on one day."""
    by_place: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        by_place[place_of(books, line, on)].append(line)
    fees: dict[str, dict[Line, Fraction]] = defaultdict(dict)
    found: list[TaxRow] = []
    for table in sorted(books.shelf.taxes, key=lambda table: bool(table.get("base", {}).get("also_on"))):
        if "none" in table:
            continue
        reached: dict[str, list[Line]] = defaultdict(list)
        for place, there in by_place.items():
            where = reaches(table, place)
            if where:
                reached[where] += [line for line in there if _is_of(table, line)]
        for where, there in sorted(reached.items()):
            row, of_line = _row(books, table, where, there, on, fees)
            if row is not None:
                found.append(row)
                for line, amount in of_line.items():
                    fees[table["code"]][line] = fees[table["code"]].get(line, Fraction(0)) + amount
    return found


def reaches(table: Table, place: tuple[str, ...]) -> str:
    """The jurisdiction of the row that a table makes at a place; none where it does not reach it."""
    where, regions = str(table["jurisdiction"]), list(table.get("regions", ()))
    if any(name in place for name in table.get("except_places", ())):
        return ""
    region = place[1].split("-")[1] if len(place) > 1 else ""
    if where.endswith("-*"):
        return f"{place[0]}-{region}" if where[:-2] == place[0] and region in regions else ""
    if where not in place or (regions and region not in regions):
        return ""
    return where


def _is_of(table: Table, line: Line) -> bool:
    base = table["base"]
    classes, sections = base.get("tax_classes", "all"), base.get("sections")
    assert (classes, sections) == ("all", None), "a table that the twin does not know"
    return line.section not in base.get("except_sections", ())


def share_of(books: Books, table: Table, line: Line, on: date) -> Fraction:
    """How much of a line is in a table's base."""
    share, product = table["base"]["share"], books.shelf.products[line.product]
    if share == "full":
        return Fraction(1)
    telecom = Fraction(in_force(product["telecom_percent"], on)) / 100
    if share == "telecom":
        return telecom
    method = in_force(product["interstate"], on)
    across = {"all": Fraction(1), "none": Fraction(0)}.get(method)
    if across is None:
        across = Fraction(in_force(table["safe_harbour"], on)) / 100
    return telecom * (across if share == "interstate" else 1 - across)


def _row(
    books: Books, table: Table, where: str, there: list[Line], on: date, fees: dict[str, dict[Line, Fraction]]
) -> tuple[TaxRow | None, dict[Line, Fraction]]:
    rate = Fraction(in_force(table["values"], on))
    proof = exempt(books, table, where, on)
    if table["unit"] == "amount_per_line":
        count = sum((line.line_count for line in there), Fraction(0))
        weights = {line: line.line_count * rate for line in there}
        base, exact = count, count * rate
    else:
        weights = {}
        for line in there:
            share = share_of(books, table, line, on)
            weights[line] = line.amount * share
            # A fee on what is not taxed is not taxed either.
            for code in table["base"].get("also_on", ()) if share else ():
                weights[line] += fees[code].get(line, Fraction(0))
        base = sum(weights.values(), Fraction(0))
        exact = base * rate / 100
        weights = {line: weight * rate / 100 for line, weight in weights.items()}
    if not rate or not any(weights.values()) or not base:
        return None, {}
    if proof:
        # A levy shows its lines; what the customer accounts for himself has no rate.
        shown = (base, Fraction(0)) if table["unit"] == "amount_per_line" else (Fraction(0), base)
        return TaxRow(table["code"], where, on, Fraction(0) if proof == "vat_id" else rate, *shown, Fraction(0)), {}
    amount = down(exact) if table["rounding"] == "down" else rounded(exact)
    return TaxRow(table["code"], where, on, rate, base, Fraction(0), amount), _told_apart(books, amount, weights, on)


def down(amount: Fraction) -> Fraction:
    """To the cent, towards nothing."""
    cents = int(abs(amount) * 100)
    return Fraction(cents if amount >= 0 else -cents, 100)


def _told_apart(books: Books, amount: Fraction, weights: dict[Line, Fraction], on: date) -> dict[Line, Fraction]:
    """A row's printed amount over groups of lines that are taxed alike, by largest remainder; a group's cents stand
    with its first line that bears anything."""
    groups: dict[Any, Fraction] = defaultdict(Fraction)
    bearer: dict[Any, Line] = {}
    for line, weight in weights.items():
        product = books.shelf.products[line.product]
        alike = (line.section, product["tax_class"], product["telecom_percent"], product["interstate"])
        groups[place_of(books, line, on), alike] += weight
        if weight:
            bearer.setdefault((place_of(books, line, on), alike), line)
    keys = sorted(bearer)
    shares = apart(int(amount * 100), [groups[key] for key in keys])
    return {bearer[key]: Fraction(share, 100) for key, share in zip(keys, shares, strict=True)}


def apart(cents: int, weights: list[Fraction]) -> list[int]:
    """Cents in proportion to weights of either sign, by largest remainder."""
    total = sum(weights)
    exact = [cents * weight / total if total else Fraction(0) for weight in weights]
    shares = [share.numerator // share.denominator for share in exact]
    for n in sorted(range(len(weights)), key=lambda n: (shares[n] - exact[n], n))[: cents - sum(shares)]:
        shares[n] += 1
    return shares


def exempt(books: Books, table: Table, where: str, on: date) -> str:
    """By which proof: a certificate that is valid on the tax date, or a VAT id that was checked before it."""
    ways = table.get("exempt_by", [])
    if "vat_id_check" in ways and _reversed(books, where, on):
        return "vat_id"
    for row in of(books.rows, "certificates", books.account.id) if "certificate" in ways else ():
        names = text(row, "tax_code") == table["code"] or _covers(text(row, "jurisdiction"), where)
        if names and (day(row, "valid_from") or on) <= on < last_day(text(row, "valid_to")):
            return "certificate"
    return ""


def _covers(of_certificate: str, where: str) -> bool:
    """The jurisdiction itself, or the region that it lies in; a country's does not reach its regions."""
    return of_certificate == where or ("-" in of_certificate and where.startswith(f"{of_certificate}-"))


def _reversed(books: Books, where: str, on: date) -> bool:
    account = books.account.on(on)
    seller: dict[str, Any] = books.shelf.sellers[text(account, "seller_id")]
    if where[:2] in seller.get("vat_established_in", ()):
        return False
    checks = [
        row
        for row in of(books.rows, "tax_id_checks", books.account.id)
        if text(row, "tax_id") == text(account, "tax_id") and text(row, "checked_at")[:10] <= f"{on}"
    ]
    if not checks:
        return False
    last = max(checks, key=lambda row: text(row, "checked_at"))
    return last["result"] == "valid" and text(last, "name_matched") != "false"
