"""Layouts of rate decks: whose columns mean what, and what a row of ours cannot say and is therefore refused.

Each format turns a line into canonical rows (schemas.catalog.DECK_COLUMNS, as text); flows/decks/deck_file.py
then checks them as it checks our own.

- tollbook: the canonical columns.
- az: the sheets carriers mail: several codes in a cell, currency signs, intervals 60/1, effective dates, changes.
- kazoo: its ratedeck CSV. astpp: routes with patterns such as ^93.*. Both charge a first interval, then increments.
- a2billing: cc_ratecard with initial and billing blocks.
- npanxx: US decks with a price for interstate, intrastate and undetermined calls; a row each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flows.decks.cells import Line, Row, codes, day, day_before, interval, price
from schemas.catalog import DECK_COLUMNS


@dataclass(frozen=True)
class DeckFormat:
    """`headings`: key -> what the file may call it, unless the declaration says. `needs`: keys that must be there.

    `priced` are the keys of prices: a line without a prefix and without any of them is a title or a footer.
    """

    headings: dict[str, tuple[str, ...]]
    needs: tuple[str, ...]
    convert: Callable[[Line], list[Row]]
    priced: tuple[str, ...] = ("price",)
    prefix: str = "prefix"


def _tollbook(line: Line) -> list[Row]:
    cells, defaults = line.cells, line.settings.defaults
    row = {name: cells.get(name) or defaults.get(name, "") for name in DECK_COLUMNS}
    if line.settings.decimal == ",":
        row |= {name: price(line, name) for name in ("price", "connect_fee", "max_charge")}
    if line.settings.date_format:
        row |= {name: day(line, name) for name in ("valid_from", "valid_to")}
    return [row]


def _rows(line: Line, prefixes: list[str], **cells: str) -> list[Row]:
    said = {name: line.get(name) for name in ("per_s", "class", "destination") if line.get(name)}
    return [{**said, "prefix": prefix, **cells} for prefix in prefixes]


def _priced(line: Line, *, by_steps: bool = True, **cells: str) -> list[Row]:
    """A row per code of the line, with its price, intervals and fee."""
    counted = interval(line, by_steps=by_steps).cells
    fee = price(line, "connect_fee")
    return _rows(line, codes(line), price=price(line, "price"), connect_fee=fee, **counted, **cells)


_CLOSED = ("closed", "close", "deleted", "delete", "removed", "blocked")
_STANDS = ("", "new", "increase", "decrease", "unchanged", "no change", "same", "current")


def _az(line: Line) -> list[Row]:
    change = line.get("change").casefold()
    start = day(line, "valid_from")
    if change in _CLOSED:
        if not start:
            line.fault("valid_from", "the day from which the code is closed")
        return [{"prefix": prefix, "closed_from": start} for prefix in codes(line)]
    if change not in _STANDS:
        line.fault("change", "new, increase, decrease, unchanged or closed")
    return _priced(line, valid_from=start, valid_to=day(line, "valid_to"))


_LATER = "A deck row prices every call alike: put this into steps or bands of a plan's rate."


def _kazoo(line: Line) -> list[Row]:
    line.only("nocharge", ("0",), "Short calls that cost nothing are the grace of a plan's rate.")
    line.only("caller_id_numbers", (), "A price by caller needs a deck of its own.")
    directions = line.get("direction")
    if directions and "outbound" not in directions:
        line.fault("direction", "outbound", "A deck for calls in is a file of its own.")
    own_route = r'\[?"?\^(?:\\*\+\??)?' + line.get("prefix").removeprefix("+") + r'(?:\.[+*])?\$?"?\]?'
    if line.get("routes") and not re.fullmatch(own_route, line.get("routes")):
        line.fault("routes", "nothing, or the pattern of the prefix itself")
    line.cells.update({key: line.get(key) or "60" for key in ("minimum_s", "increment_s")})
    return _priced(line)


def _astpp(line: Line) -> list[Row]:
    pattern = line.cells.get("prefix", "")
    match = re.fullmatch(r"\^?([0-9]+)(?:\.\*)?\$?", pattern)
    if not match:
        line.fault("prefix", "one prefix as a pattern, such as ^93.*")
        return []
    line.cells["prefix"] = match[1]
    line.only("includedseconds", ("0",), _LATER)
    line.only("status", ("0",), "Leave out what is not active.")
    return _priced(line)


_STEPS = [f"{name}{step}" for step in "abc" for name in ("stepcharge", "charge", "timecharge", "billingblock")]
_ODD = ["additional_block_charge", "additional_block_charge_time", "minimal_cost", "disconnectcharge"]
_ODD += ["rounding_calltime", "rounding_threshold", "additional_grace", "disconnectcharge_after"]


def _a2billing(line: Line) -> list[Row]:
    for key in [*_STEPS, *_ODD]:
        line.only(key, ("0",), _LATER)
    line.only("starttime", ("0",), _LATER)
    line.only("endtime", ("10079",), _LATER)
    if line.get("increment_s") in ("", "0"):
        line.cells["increment_s"] = "1"
    days = {"valid_from": _instant_day(line, "valid_from"), "valid_to": _instant_day(line, "valid_to", is_end=True)}
    # It rounds the whole call, not what follows the first block, to whole blocks: 91 s at 90/60 are 120 s to it.
    return _priced(line, by_steps=False, **days)


def _instant_day(line: Line, key: str, *, is_end: bool = False) -> str:
    """The civil day of `2026-06-01 00:00:00`. Rates end at that instant: at midnight, so the day before is the last."""
    text = line.get(key)
    if not text or text.startswith("0000-00-00"):
        return ""
    match = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2}:[0-9]{2}))?", text)
    allowed = ("00:00:00", "23:59:59") if is_end else ("00:00:00",)
    if not match or (match[2] or "00:00:00") not in allowed:
        line.fault(key, "a day, or its midnight")
        return ""
    line.cells[key] = match[1]
    found = day(line, key)
    ends_before = is_end and (match[2] or "00:00:00") == "00:00:00"
    return day_before(found) if found and ends_before else found


def _npanxx(line: Line) -> list[Row]:
    code = line.get("prefix").removeprefix("+")
    if not re.fullmatch(r"1?[2-9][0-9]{2}([2-9][0-9]{2}[0-9]?)?", code):
        line.fault("prefix", "an area code and exchange such as 202555 or 1202555")
        return []
    prefix = code if code.startswith("1") else f"1{code}"
    cells = {**interval(line).cells, "connect_fee": price(line, "connect_fee")}
    cells |= {"valid_from": day(line, "valid_from"), "valid_to": day(line, "valid_to")}
    found = []
    for key, jurisdiction in (("interstate",) * 2, ("intrastate",) * 2, ("indeterminate", "")):
        if line.get(key):
            found += _rows(line, [prefix], price=price(line, key), jurisdiction=jurisdiction, **cells)
    if not found:
        line.fault("interstate", "a price for interstate, intrastate or undetermined calls")
    return found


def _same(names: str) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names.split()}


FORMATS: dict[str, DeckFormat] = {
    "tollbook": DeckFormat(
        _same(" ".join(DECK_COLUMNS)), tuple(n for n, default in DECK_COLUMNS.items() if default is None), _tollbook
    ),
    "az": DeckFormat(
        {
            "prefix": ("prefix", "code", "codes", "dial code"),
            "country_code": (),
            "destination": ("destination",),
            "price": ("rate", "price"),
            "interval": ("interval", "increment"),
            "minimum_s": ("interval_1",),
            "increment_s": ("interval_n",),
            "connect_fee": ("connect fee",),
            "valid_from": ("effective date", "effective"),
            "valid_to": ("end date",),
            "change": ("change",),
            "class": ("class",),
        },
        ("prefix", "destination", "price"),
        _az,
    ),
    "kazoo": DeckFormat(
        {
            "prefix": ("prefix",),
            "destination": ("description",),
            "price": ("rate_cost",),
            "increment_s": ("rate_increment",),
            "minimum_s": ("rate_minimum",),
            "connect_fee": ("rate_surcharge",),
            "nocharge": ("rate_nocharge_time",),
            **_same("direction routes caller_id_numbers"),
        },
        ("prefix", "price"),
        _kazoo,
    ),
    "astpp": DeckFormat(
        {
            "prefix": ("pattern", "code"),
            "destination": ("comment", "destination"),
            "price": ("cost",),
            "increment_s": ("inc",),
            "minimum_s": ("init_inc",),
            "connect_fee": ("connectcost",),
            **_same("includedseconds status"),
        },
        ("prefix", "price", "increment_s"),
        _astpp,
    ),
    "a2billing": DeckFormat(
        {
            "prefix": ("dialprefix",),
            "destination": ("destination",),
            "price": ("rateinitial",),
            "minimum_s": ("initblock",),
            "increment_s": ("billingblock",),
            "connect_fee": ("connectcharge",),
            "valid_from": ("startdate",),
            "valid_to": ("stopdate",),
            **_same(" ".join([*_STEPS, *_ODD, "starttime", "endtime"])),
        },
        ("prefix", "price", "minimum_s", "increment_s"),
        _a2billing,
    ),
    "npanxx": DeckFormat(
        {
            "prefix": ("npanxx", "npanxxx", "prefix"),
            "destination": ("destination",),
            "interstate": ("interstate", "inter"),
            "intrastate": ("intrastate", "intra"),
            "indeterminate": ("indeterminate", "indeterminant"),
            "interval": ("billing", "interval", "increment"),
            "minimum_s": ("interval_1",),
            "increment_s": ("interval_n",),
            "connect_fee": ("connect fee",),
            "valid_from": ("effective", "effective date"),
            "valid_to": ("end date",),
        },
        ("prefix", "interstate", "intrastate"),
        _npanxx,
        priced=("interstate", "intrastate", "indeterminate"),
    ),
}
