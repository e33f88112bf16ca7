"""Who has what on which day: subscriptions, devices, extensions, numbers as spans of one state each (RULES 3 to 8)."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tests.properties.month.days import CALENDAR, DAY, FOREVER, Grid, days_of, interval, last_day, months_after
from tests.properties.month.facts import Account, Row, Rows, day, of, text
from tests.properties.month.shelf import Shelf


class State(NamedTuple):
    """What a resource is on a day, as far as money goes."""

    product: str
    quantity: Fraction
    own_price: Fraction | None = None
    group: str = ""
    location: str = ""
    grid: Grid = CALENDAR
    priced_on: date | None = None
    """First day of the term that holds the price."""
    kept_to: date = date.min
    """End of that term: what is taken away without credit bills until then."""


class Span(NamedTuple):
    """A state on the days [start, end)."""

    start: date
    end: date
    state: State


class Resource(NamedTuple):
    """kind and id as the charge key has them; spans in order, apart."""

    kind: str
    id: str
    spans: list[Span]

    def on(self, when: date) -> State | None:
        return next((span.state for span in self.spans if span.start <= when < span.end), None)


def resources(shelf: Shelf, rows: Rows, account: Account) -> list[Resource]:
    """Everything of an account that bills by time, from its billing start to where it stops billing."""
    if account.ends <= account.starts:
        return []
    return [
        Resource(kind, id_, spans)
        for kind, id_, known in (
            *_subscriptions(shelf, rows, account),
            *_devices(shelf, rows, account),
            *_numbers(shelf, rows, account),
        )
        if known[-1].end > account.starts
        for spans in [_billed(shelf, known, account)]
        if spans
    ]


def _billed(shelf: Shelf, spans: list[Span], account: Account) -> list[Span]:
    """Kept on where nothing is given back, cut at billing start, and served to its end where the account leaves."""
    spans = [span for span in spans if span.start < account.ends]
    if not spans:
        return []
    if spans[-1].end >= account.ends:
        spans[-1] = spans[-1]._replace(end=_served_to(spans[-1].state, account.ends - DAY))
    if shelf.products[spans[-1].state.product].get("removal") == "none":
        spans = _kept(spans)
    cut = [span._replace(start=max(span.start, account.starts)) for span in spans]
    return [span for span in cut if span.start < span.end]


def _served_to(state: State, last: date) -> date:
    """Cancelled on its last day: the end of the cycle, or of the term."""
    return FOREVER if last >= FOREVER - DAY else max(state.grid.cycle(last)[1], state.kept_to)


def _kept(spans: list[Span]) -> list[Span]:
    """What is taken away goes on to the end of its cycle or term, unless as much comes back before."""
    kept = [(span.end, _served_to(span.state, span.end - DAY), span.state) for span in spans]
    edges = sorted({span.start for span in spans} | {span.end for span in spans} | {until for _, until, _ in kept})
    found: list[Span] = []
    for start, end in pairwise(edges):
        here = next((span.state for span in spans if span.start <= start < span.end), None)
        left = [state for since, until, state in kept if since <= start < until]
        most = max((state.quantity for state in left), default=Fraction(0))
        if here is None and left:
            here = next(state for state in left if state.quantity == most)
        if here is not None:
            found.append(Span(start, end, here._replace(quantity=max(here.quantity, most))))
    return found


# ---- subscriptions ----


def _subscriptions(shelf: Shelf, rows: Rows, account: Account) -> Iterator[tuple[str, str, list[Span]]]:
    mine = of(rows, "subscriptions", account.id)
    for id_ in sorted({text(row, "subscription_id") for row in mine}):
        versions = sorted(
            (row for row in mine if row["subscription_id"] == id_), key=lambda row: text(row, "start_date")
        )
        spans: list[Span] = []
        for n, row in enumerate(versions):
            start = day(row, "start_date") or FOREVER
            end = (day(versions[n + 1], "start_date") or FOREVER) if n + 1 < len(versions) else FOREVER
            spans += _terms(row, start, end, _grid(row, versions[0]))
        last = day(versions[-1], "end_date") or day(versions[-1], "cancel_requested_on")
        if last is not None and last < account.starts:
            continue
        if last is not None:
            spans = [span for span in spans if span.start <= last]
            spans[-1] = spans[-1]._replace(end=_served_to(spans[-1].state, last))
        yield "subscription", id_, spans


def _grid(row: Row, first_version: Row) -> Grid:
    unit, count = interval(text(row, "billing_interval") or "P1M")
    anchor = day(row, "bill_anchor")
    if anchor is None and (unit, count) == ("M", 1):
        return CALENDAR
    return Grid(unit, count, anchor or day(first_version, "start_date") or FOREVER)


def _terms(row: Row, start: date, end: date, grid: Grid) -> list[Span]:
    """A version cut where its terms begin and end; inside one the commitment and the price hold."""
    quantity, own = Fraction(text(row, "quantity")), text(row, "unit_price")
    plain = State(
        text(row, "product_code"), quantity, Fraction(own) if own else None, text(row, "billing_group"), "", grid
    )
    committed = Fraction(text(row, "committed_quantity") or "0")
    spans, at = [], start
    for since, until in _terms_of(row):
        if until <= at or since >= end:
            continue
        if at < since:
            spans.append(Span(at, min(since, end), plain))
        term = plain._replace(quantity=max(quantity, committed), priced_on=since, kept_to=until)
        spans.append(Span(max(at, since), min(until, end), term))
        at = min(until, end)
    return [*spans, Span(at, end, plain)] if at < end else spans


def _terms_of(row: Row) -> Iterator[tuple[date, date]]:
    """Each term, renewed unless cancelled before its end; until a few years from where anybody looks."""
    start, months = day(row, "term_start"), text(row, "term_months")
    if start is None or not months:
        return
    cancelled = day(row, "cancel_requested_on") or day(row, "end_date") or FOREVER
    end = months_after(start, int(months))
    yield start, end
    while text(row, "renewal_months") and end <= cancelled and end.year < 2030:
        start, end = end, months_after(end, int(text(row, "renewal_months")))
        yield start, end


# ---- devices and numbers ----


def _dated(rows: list[Row], id_: str) -> list[tuple[date, date, Row]]:
    """Versions of one id, each to the day before the next one or to its own last day."""
    versions = sorted(rows, key=lambda row: text(row, "active_from"))
    found = []
    for n, row in enumerate(versions):
        # The day of a port is the new owner's, also where it has a time.
        until = text(row, "active_to")
        start, end = day(row, "active_from") or FOREVER, last_day(until) - DAY * ("T" in until)
        if n + 1 < len(versions):
            end = min(end, day(versions[n + 1], "active_from") or FOREVER)
        found.append((start, end, row))
    return found


def _state(row: Row) -> State:
    return State(text(row, "product_code"), Fraction(1), None, text(row, "billing_group"), text(row, "location_id"))


def _devices(shelf: Shelf, rows: Rows, account: Account) -> Iterator[tuple[str, str, list[Span]]]:
    mine = of(rows, "devices", account.id)
    ids = sorted({text(row, "device_id") for row in mine})
    dated = {id_: _dated([row for row in mine if row["device_id"] == id_], id_) for id_ in ids}
    rings: dict[tuple[str, str], list[tuple[date, date, Row]]] = {}
    for id_, versions in dated.items():
        product = text(versions[0][2], "product_code")
        if shelf.products[product].get("per") == "extension" and text(versions[0][2], "extension"):
            rings.setdefault((text(versions[0][2], "extension"), product), []).extend(versions)
        else:
            yield "device", id_, [Span(start, end, _state(row)) for start, end, row in versions]
    for (extension, _), versions in sorted(rings.items()):
        yield "extension", extension, _union(versions, dated)


def _union(versions: list[tuple[date, date, Row]], dated: dict[str, list[tuple[date, date, Row]]]) -> list[Span]:
    """An extension is there while any of its devices is, and is what the earliest of those is."""
    edges = sorted({edge for start, end, _ in versions for edge in (start, end)})
    spans = []
    for start, end in pairwise(edges):
        there = [version for version in versions if version[0] <= start < version[1]]
        if there:
            earliest = min(there, key=lambda v: (dated[text(v[2], "device_id")][0][0], text(v[2], "device_id")))
            spans.append(Span(start, end, _state(earliest[2])))
    return spans


def _numbers(shelf: Shelf, rows: Rows, account: Account) -> Iterator[tuple[str, str, list[Span]]]:
    mine = of(rows, "numbers", account.id)
    for number in sorted({text(row, "number") for row in mine}):
        versions = _dated([row for row in mine if row["number"] == number], number)
        yield "number", number, [Span(start, end, _state(row)) for start, end, row in versions]


def phones_of(rows: Rows, account: str) -> dict[str, str]:
    """Device -> the extension that it bills as, where it has one."""
    return {text(row, "device_id"): text(row, "extension") for row in of(rows, "devices", account)}


def first_of_months(start: date, end: date) -> int:
    """How many firsts of a month lie in [start, end)."""
    return sum(when.day == 1 for when in days_of(start, end))
