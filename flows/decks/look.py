"""What a person looks at before a deck goes live: rows as understood, the span of its prices, rows far from others."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import median, median_low
from typing import Any

import polars as pl

from flows.decks.deck_file import DeckFile
from flows.decks.report import in_force
from flows.home.file_settings import UNKNOWN_CURRENCY
from schemas.counts import count_of
from schemas.money import plain, rounded

SHOWN = 3
MOST_OUTLIERS = 20

_SAME_NAME, _SAME_PARENT, _SAME_DECK = 10, 100, 1000
"""How many times dearer or cheaper than the (lower) median of its neighbours a row is told: codes of one destination
cost much the same, those of one country may differ as a landline and a mobile do, a whole deck holds satellites too."""


@dataclass(frozen=True)
class Outlier:
    """A row whose price is far from the median of its neighbours; prices a minute."""

    line: int
    prefix: str
    destination: str
    price: Decimal
    neighbours: str
    their_price: Decimal
    times: Decimal

    def __str__(self) -> str:
        far = f"{self.times:f} times" if self.times >= 1 else f"1/{rounded(1 / Fraction(self.times), 0):f} of"
        what = " ".join(filter(None, [self.prefix, self.destination]))
        return (
            f"line {self.line}: {what}: {_digits(self.price)} a minute is {far} the {_digits(self.their_price)} of "
            f"{self.neighbours}"
        )


def understood(deck: DeckFile) -> list[dict[str, Any]]:
    """The first row, one in the middle and the last: what the file says, in our words."""
    table = deck.table.sort("line", maintain_order=True)
    places = sorted({0, table.height // 2, table.height - 1} if table.height else ())
    return [_said(table.row(place, named=True), deck.currency) for place in places[:SHOWN]]


def _said(row: dict[str, Any], currency: str) -> dict[str, Any]:
    counted = {"minimum_s": row["minimum"], "increment_s": row["increment"]}
    if row["first_increment"] is not None:
        counted = {"first_increment_s": row["first_increment"], "increment_s": row["increment"]}
    said = {
        "line": row["line"],
        "prefix": row["prefix"],
        "destination": row["destination"],
        "price": plain(row["price"]),
        "per_s": row["per"],
        "currency": currency,
        **counted,
        "connect_fee": plain(row["connect_fee"]),
        "valid_from": row["valid_from"],
        "valid_to": row["valid_to"],
    }
    if row["jurisdiction"]:
        said["jurisdiction"] = row["jurisdiction"]
    if row["cost"] is not None:
        said |= {"cost": plain(row["cost"]), "margin_percent": _margin(row["cost"], row["price"])}
    return said


def row_line(said: dict[str, Any]) -> str:
    """A row as understood, for the terminal."""
    what = " ".join(filter(None, ["+" + said["prefix"], said.get("jurisdiction"), said["destination"]]))
    line = f"  line {said['line']}: {what}: {said['price']:f} {_named(said['currency'])} per {said['per_s']} s"
    if "cost" in said:
        line += f" (cost {said['cost']:f}, margin {said['margin_percent']} % of the price)"
    if "first_increment_s" in said:
        line += f", first {said['first_increment_s']} s, then every {said['increment_s']} s"
    else:
        least = f", at least {said['minimum_s']} s" if said["minimum_s"] > said["increment_s"] else ""
        line += f", in steps of {said['increment_s']} s{least}"
    if said["connect_fee"]:
        line += f", {said['connect_fee']:f} a call"
    days = [f"{word} {day}" for word, day in (("from", said["valid_from"]), ("to", said["valid_to"])) if day]
    return ", ".join([line, " ".join(days)]) if days else line


def prices(deck: DeckFile, day: date) -> dict[str, Any]:
    """The span of prices a minute of the rows in force on a day (of all, where none is), the free rows, how seconds
    are counted, and, of a cost sheet, the margins."""
    table = in_force(deck.table, day)
    table = deck.table if table.is_empty() else table
    span: dict[str, Any] = _span([_a_minute(price, per) for price, per in table.select("price", "per").iter_rows()])
    counted = table.group_by("first_increment", "minimum", "increment", maintain_order=True).len().sort(
        "len", descending=True, maintain_order=True
    )  # fmt: skip
    counts = {
        f"{max(minimum, increment) if first is None else first}/{increment}": rows
        for first, minimum, increment, rows in counted.head(10).iter_rows()
    }
    margins = [
        _margin(cost, price) for cost, price in table.select("cost", "price").iter_rows() if cost is not None and price
    ]
    found = {"a_minute": span, "free_rows": table.filter(pl.col("price") == 0).height, "intervals": counts}
    if margins:
        found["margin_percent"] = _span(margins)
        found["below_cost"] = table.filter(pl.col("price") < pl.col("cost")).height
    return found


def _span(values: list[Decimal]) -> dict[str, Decimal]:
    if not values:
        return {}
    return {"min": min(values), "median": plain(Decimal(median(values))), "max": max(values)}


def _a_minute(price: Decimal, per: int) -> Decimal:
    return plain(price) if per == 60 else plain(rounded(Fraction(price) * 60 / max(per, 1), 12))


def _margin(cost: Decimal, price: Decimal) -> Decimal:
    """What is left of a price, in percent of it."""
    return rounded((Fraction(price) - Fraction(cost)) / Fraction(price) * 100, 1) if price else Decimal(0)


def outliers(deck: DeckFile, day: date) -> list[Outlier]:
    """Rows in force (of a deck that is still to come, all) far from their neighbours: the rows of the same destination,
    else those below the same shorter prefix of the deck, else the deck. The farthest first."""
    table = in_force(deck.table, day)
    table = deck.table if table.is_empty() else table
    columns = table.select("line", "prefix", "jurisdiction", "destination", "price", "per").iter_rows()
    rows = [(line, prefix, kind, name, _a_minute(price, per)) for line, prefix, kind, name, price, per in columns]
    rows = [row for row in rows if row[-1] > 0]
    known = {(prefix, kind) for _, prefix, kind, _, _ in rows}
    by_name: dict[Any, list[Decimal]] = defaultdict(list)
    by_parent: dict[Any, list[Decimal]] = defaultdict(list)
    by_kind: dict[Any, list[Decimal]] = defaultdict(list)
    parents = {}
    for line, prefix, kind, name, price in rows:
        parent = next((prefix[:end] for end in range(len(prefix) - 1, 0, -1) if (prefix[:end], kind) in known), None)
        parents[line, prefix, kind] = parent
        by_kind[kind].append(price)
        by_parent[parent, kind].append(price)
        by_parent[prefix, kind].append(price)
        if name:
            by_name[name.casefold(), kind].append(price)
    middles = {id(prices): median_low(prices) for group in (by_name, by_parent, by_kind) for prices in group.values()}
    found = []
    for line, prefix, kind, name, price in rows:
        parent = parents[line, prefix, kind]
        groups = [
            (by_name.get((name.casefold(), kind), []), _SAME_NAME, f"the other rows of {name}"),
            (by_parent[parent, kind] if parent else [], _SAME_PARENT, f"the rows below {parent}"),
            (by_kind[kind], _SAME_DECK, "the deck's rows"),
        ]
        for prices, times, neighbours in groups:
            if len(prices) < 2:
                continue
            middle = Decimal(middles[id(prices)])
            if price >= middle * times or price * times <= middle:
                share = rounded(Fraction(price) / Fraction(middle), 6)
                share = rounded(share, 0) if share >= 1 else share
                found.append(Outlier(line, prefix, name, price, neighbours, plain(middle), share))
            break
    return sorted(found, key=lambda row: (-max(row.times, 1 / max(row.times, Decimal("1e-9"))), row.line))


def _named(currency: str) -> str:
    return "(currency?)" if currency == UNKNOWN_CURRENCY else currency


def _digits(price: Decimal) -> str:
    return f"{plain(price):f}"


def look(deck: DeckFile, day: date) -> dict[str, Any]:
    """What `deck check` and `deck try` show of a deck."""
    far = outliers(deck, day)
    return {
        "understood": understood(deck),
        "unused_columns": deck.unused,
        "prices": prices(deck, day),
        "outliers": [str(row) for row in far[:MOST_OUTLIERS]],
        "outlier_count": len(far),
    }


def look_lines(seen: dict[str, Any], currency: str) -> list[str]:
    """The same for the terminal."""
    span, lines = seen["prices"]["a_minute"], [row_line(row) for row in seen["understood"]]
    if span:
        shown = ", ".join(f"{name} {_digits(value)}" for name, value in span.items())
        free = seen["prices"]["free_rows"]
        lines.append(
            f"  prices a minute in {_named(currency)}: {shown}" + (f"; {count_of(free, 'row')} free" if free else "")
        )
        counted = ", ".join(
            f"{interval} ({count_of(rows, 'row')})" for interval, rows in seen["prices"]["intervals"].items()
        )
        lines.append(f"  first and following seconds: {counted}")
    if margin := seen["prices"].get("margin_percent"):
        shown = ", ".join(f"{name} {value:f}" for name, value in margin.items())
        below = seen["prices"]["below_cost"]
        lines.append(
            f"  margin in % of the price: {shown}" + (f"; {count_of(below, 'row')} below cost" if below else "")
        )
    if seen["unused_columns"]:
        lines.append(f"  columns not read: {', '.join(seen['unused_columns'])}")
    lines += [f"  far from its neighbours: {row}" for row in seen["outliers"]]
    more = seen["outlier_count"] - len(seen["outliers"])
    return lines + ([f"  and {more} more"] if more else [])
