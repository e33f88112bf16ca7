"""Check files' subjects of one call or message: call, match, sms (CONTRACT, section 5), on the code that bills.

Each takes the case's mapping, every scalar as text, and returns the one value the case expects, by its name.
Raises WrongUsage for a key or a value that says nothing.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil
from typing import Any

import polars as pl
from pydantic import ValidationError

from rating.call_price import price, walk, with_rates_of
from rating.checks.given import day, given, is_absent
from rating.match import compile_prefixes, longest_prefix
from rating.sms import segments
from rating.tariffs import RateOn, compile_rates
from schemas.call_rate import Rate
from schemas.errors import WrongUsage
from schemas.limits import UNITS_LIMIT
from schemas.periods import is_zone, local_instant
from schemas.reading import fault_text

_RATE_ID = "the case"
_DAY = date(2000, 1, 1)
"""A case's prices are in force always, so any day will do."""


def check_call(case: Mapping[str, Any]) -> dict[str, Fraction]:
    """`amount`: what the call costs, exact once it is rounded as the case says (6 digits half up by default)."""
    _known(case, "call", _CALL_KEYS)
    seconds = _seconds(case)
    rate = _rate(case)
    holidays = tuple(day(text, "holidays") for text in case.get("holidays") or ())
    tariffs = compile_rates([RateOn(_RATE_ID, rate, _DAY, holidays)])
    started_at, zone = _started(case, needed=bool(rate.bands))
    call = pl.DataFrame(
        {"call": [0], "rate_id": [_RATE_ID], "started_at": [started_at], "time_zone": [zone], "included": [0]},
        schema_overrides={"call": pl.UInt32, "started_at": pl.Datetime("us", "UTC"), "time_zone": pl.String},
    )
    # All edges and increments are whole ticks, so that a tick begun is charged as a whole one.
    ticks = ceil(seconds * tariffs.rates["ticks"][0])
    calls = with_rates_of(call, tariffs).with_columns(answered=pl.lit(ticks, pl.Int64))
    num, den = price(calls, walk(calls, tariffs), tariffs).select("amount_num", "amount_den").row(0)
    return {"amount": Fraction(num) / den}


def check_match(case: Mapping[str, Any]) -> dict[str, str | None]:
    """`rate_id` of the longest prefix in force; None: unrated."""
    _known(case, "match", {"number", "date", "deck"})
    on = day(given(case, "date"), "date")
    deck = pl.DataFrame(
        [_deck_row(row) for row in case.get("deck") or ()],
        schema={"prefix": pl.String, "rate_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date},
        orient="row",
    )
    _one_row_a_day(deck)
    asked = pl.DataFrame({"number": [str(given(case, "number"))], "day": [on]})
    return {"rate_id": longest_prefix(compile_prefixes(deck), asked)["rate_id"][0]}


def check_sms(case: Mapping[str, Any]) -> dict[str, int]:
    """`credits`: the GSM 03.38 segments that carry the text."""
    _known(case, "sms", {"text"})
    text = case.get("text")
    if not isinstance(text, str):
        raise WrongUsage("sms: expected `text`")
    return {"credits": segments(text)}


SUBJECTS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "call": check_call,
    "match": check_match,
    "sms": check_sms,
}

_STEP_KEYS = {"from_s": "from", "price": "price", "per_s": "per", "increment_s": "increment"}
_RATE_KEYS = {"connect_fee": "connect_fee", "minimum_s": "minimum", "grace_s": "grace", "max_charge": "max_charge"}
_CALL_KEYS = {"seconds", "steps", "bands", "rounding", "holidays", "started_at", "time_zone", *_RATE_KEYS}


def _rate(case: Mapping[str, Any]) -> Rate:
    """The case as the rate of a plan: the catalogue's own model says what is right."""
    rate = {ours: case[theirs] for theirs, ours in _RATE_KEYS.items() if not is_absent(case.get(theirs))}
    rate["rounding"] = _of_keys(case.get("rounding") or {}, "rounding", {"digits", "mode"})
    steps, bands = case.get("steps") or [], case.get("bands") or []
    try:
        return Rate.model_validate({**rate, "steps": _steps(steps), "bands": [_band(band) for band in bands]})
    except ValidationError as error:
        raise WrongUsage(f"call: {fault_text(error.errors()[0])}") from None


def _steps(steps: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rate_steps = []
    for step in steps:
        own = _of_keys(step, "steps", set(_STEP_KEYS))
        missing = [key for key in ("price", "per_s", "increment_s") if key not in own]
        if missing:
            raise WrongUsage(f"call: a step without {', '.join(missing)}")
        rate_steps.append({_STEP_KEYS[key]: value for key, value in own.items()})
    return rate_steps


def _band(band: Mapping[str, Any]) -> dict[str, Any]:
    own = _of_keys(band, "bands", {"days", "from", "to", "connect_fee", "steps"})
    return {**own, "steps": _steps(own.get("steps") or [])}


def _seconds(case: Mapping[str, Any]) -> Fraction:
    text = given(case, "seconds")
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number < UNITS_LIMIT or number % Decimal("0.000001") != 0:
        raise WrongUsage(f"call.seconds: found {text!r}; expected 0 to {UNITS_LIMIT}, with at most 6 decimals")
    return Fraction(number)


def _started(case: Mapping[str, Any], needed: bool) -> tuple[datetime | None, str | None]:
    """The instant in UTC, and the zone. An offset in the text wins over the zone's own."""
    if not needed and (is_absent(case.get("started_at")) or is_absent(case.get("time_zone"))):
        return None, None
    zone, text = str(given(case, "time_zone")), str(given(case, "started_at"))
    if not is_zone(zone):
        raise WrongUsage(f"call.time_zone: found {zone!r}; expected an IANA zone such as Europe/London")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"call.started_at: found {text!r}; expected a time such as 2026-05-01T17:59:00") from None
    return (at.astimezone(UTC) if at.tzinfo else local_instant(at, zone)), zone


def _deck_row(row: Mapping[str, Any]) -> tuple[str, str, date | None, date | None]:
    own = _of_keys(row, "deck", {"prefix", "rate_id", "valid_from", "valid_to"})
    prefix = str(given(own, "prefix")).removeprefix("+")
    if not (prefix.isascii() and prefix.isdigit()) or len(prefix) > 15:
        raise WrongUsage(f"match.deck.prefix: found {prefix!r}; expected 1 to 15 digits")
    start, end = (day(own[key], key) if key in own else None for key in ("valid_from", "valid_to"))
    # The deck of a home says the last day included, a case the first day after.
    return prefix, str(given(own, "rate_id")), start, end - timedelta(days=1) if end else None


def _one_row_a_day(deck: pl.DataFrame) -> None:
    ordered = deck.filter(
        pl.col("valid_to").is_null() | pl.col("valid_from").is_null() | (pl.col("valid_to") >= pl.col("valid_from"))
    ).sort("prefix", pl.col("valid_from").fill_null(date.min))
    until = pl.col("valid_to").fill_null(date.max).shift(1).over("prefix")
    clash = ordered.filter(until >= pl.col("valid_from").fill_null(date.min))
    if not clash.is_empty():
        raise WrongUsage(f"match.deck: prefix {clash['prefix'][0]} has two rows in force on one day")


def _known(mapping: Mapping[str, Any], where: str, keys: set[str]) -> None:
    unknown = [key for key in mapping if key not in keys]
    if unknown:
        raise WrongUsage(f"{where}: unknown key {unknown[0]!r}; expected {', '.join(sorted(keys))}")


def _of_keys(mapping: Mapping[str, Any], where: str, keys: set[str]) -> dict[str, Any]:
    _known(mapping, where, keys)
    return {key: value for key, value in mapping.items() if not is_absent(value)}
