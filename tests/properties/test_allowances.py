"""Allowances against a slow twin: pools, lists of allowances, low usage, orders of use, days of a month."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rating import draws
from rating.allowances import grant_allowances
from rating.devices import devices_over_time
from rating.draws import NEXT, draw, pools_of
from rating.states import SPAN
from schemas.catalog import Catalog
from tests.properties.allowance_twin import device_of, units_of, used

START = datetime(2026, 5, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
USAGE = {"name": "x", "section": "included_minutes", "billed_from": "usage"}
TAXED = {"tax_class": "telephony", "telecom_percent": "100", "interstate": "none"}
PRODUCTS = {"minutes": {**USAGE, **TAXED}, "phone": {**USAGE, **TAXED, "billed_from": "devices", "section": "rentals"}}
CATEGORIES = ("domestic", "international", "mobile")
NUMBERS = {"+442079460101": "101", "+442079460102": "102", "+442079460103": None}


@st.composite
def plans(draw_: st.DrawFn, ordered: bool) -> dict[str, Any]:
    """Three allowances in one order; each category draws on some of them. ordered: on one, category by category."""
    names = ["a"] if ordered else ["a", "b", "c"]
    allowances = {
        name: {
            "name": name,
            "unit": "second",
            "units": 0,
            "products": ["phone"],
            "pool": draw_(st.sampled_from(["account", "billing_group", "device"])),
            "devices": draw_(st.sampled_from(["all", "low_usage", "standard"])),
            "order": list(draw_(st.permutations(CATEGORIES))) if ordered else "by_call",
        }
        for name in names
    }
    order = draw_(st.permutations(names))
    rule = {"rate": {"price": "0.0105"}, "included": "minutes", "charged": "minutes"}
    listed = st.sets(st.sampled_from(names), min_size=1)
    usage = {c: {**rule, "allowance": sorted(draw_(listed), key=order.index)} for c in CATEGORIES}
    return {"name": "p", "currency": "GBP", "domestic": ["GB"], "allowances": allowances, "usage": usage}


@st.composite
def devices(draw_: st.DrawFn) -> list[dict[str, Any]]:
    """Up to four devices of two accounts, some on one extension and charged with it, some not there all month."""
    found = []
    for name in ("D1", "D2", "D3", "D4")[: draw_(st.sampled_from([0, 2, 3, 4, 4]))]:
        extension = draw_(st.sampled_from([None, "101", "101", "102"]))
        per_extension = extension is not None and draw_(st.sampled_from([True, True, False]))
        start = draw_(st.sampled_from([START - timedelta(days=90), START + timedelta(hours=2)]))
        found.append(
            {
                "account_id": draw_(st.sampled_from("AAAB")),
                "device_id": name,
                "extension": extension,
                "device": f"ext:{extension}" if per_extension else name,
                "is_low_usage": draw_(st.booleans()),
                "from_at": start,
                "to_at": draw_(st.sampled_from([NEVER, START + timedelta(hours=4)])),
            }
        )
    return found


@st.composite
def calls(draw_: st.DrawFn) -> list[dict[str, Any]]:
    made = draw_(st.lists(st.integers(0, 8), max_size=14))
    return [
        {
            "usage_id": f"u{number:02}",
            "account_id": draw_(st.sampled_from("AAAB")),
            "usage_month": "2026-05",
            "category": draw_(st.sampled_from(CATEGORIES)),
            "billing_group": draw_(st.sampled_from([None, "X", "Y"])),
            "billable_units": draw_(st.sampled_from([0, 1, 7, 30, 60])),
            "started_at": START + timedelta(minutes=37 * at),
            "direction": draw_(st.sampled_from(["outbound", "inbound"])),
            "from_number": draw_(st.sampled_from([*NUMBERS, "102"])),
            "to_number": draw_(st.sampled_from([*NUMBERS, "102"])),
            "extension": draw_(st.sampled_from([None, "101", "102"])),
            "device_id": draw_(st.sampled_from([None, None, "D1", "D2", "nobody's"])),
        }
        for number, at in enumerate(made)
    ]


def _drawn(plan: dict[str, Any], inventory: list[dict[str, Any]], made: list[dict[str, Any]], units: int) -> None:
    """The engine and the twin, on every pool that these calls can reach, each with `units`."""
    numbers = {number: extension for number, extension in NUMBERS.items() if extension}
    known = [{**call, **_about(device_of(call, inventory, numbers))} for call in made]
    pools = {(a, "2026-05", f"p:{name}", pool) for name in plan["allowances"] for a in "AB" for pool in _sharing(known)}
    granted_units = dict.fromkeys(pools, units)
    catalog = Catalog.model_validate({"products": PRODUCTS, "plans": {"p": plan}})
    utc = pl.Datetime("us", "UTC")
    text = pl.String
    times = {"from_at": utc, "to_at": utc}
    owned = {"account_id": text, "number": text, "extension": text}
    named = {"account_id": text, "device_id": text, "extension": text, "device": text, "is_low_usage": pl.Boolean}
    tables = devices_over_time(
        pl.DataFrame(inventory, schema={**named, **times}).with_columns(since="from_at"),
        pl.DataFrame(
            [(account, n, e, START - timedelta(days=9), NEVER) for account in "AB" for n, e in numbers.items()],
            schema={**owned, **times},
            orient="row",
        ),
    )
    keys = {"account_id": text, "usage_month": text, "allowance_id": text, "pool": text, "granted_units": pl.Int64}
    grants = pl.DataFrame([(*k, n) for k, n in sorted(granted_units.items(), key=str)], schema=keys, orient="row")
    lists = {category: NEXT.join(f"p:{a}" for a in rule["allowance"]) for category, rule in plan["usage"].items()}
    rows = [{**call, "allowance_id": lists[call["category"]]} for call in made]
    schema: dict[str, Any] = dict.fromkeys(rows[0] if rows else (), text)
    if not rows:
        return
    frame = pl.DataFrame(rows, schema=schema | {"billable_units": pl.Int64, "started_at": utc})
    twin = used(known, plan, granted_units)
    # Calls are put in order by one number, and by three columns where the number would be too large.
    for ordered, largest in ((frame, draws.LARGEST_KEY), (frame.reverse(), draws.LARGEST_KEY), (frame, 0)):
        with patch.object(draws, "LARGEST_KEY", largest):
            found = draw(ordered, grants, pools_of(catalog, tables))
        # The straight way of calls with one allowance of the account leads where the general one does.
        with patch.object(draws, "single_lists", lambda _: pl.Series(dtype=pl.String)):
            assert found.equals(draw(ordered, grants, pools_of(catalog, tables)))
        assert found["usage_id"].to_list() == ordered["usage_id"].to_list()
        _as_the_twin(found, twin)


def _as_the_twin(found: pl.DataFrame, twin: dict[str, list[tuple[str, str | None, int]]]) -> None:
    for row in found.iter_rows(named=True):
        expected = twin[row["usage_id"]]
        drawn = row["draws"]
        if drawn is None:
            one = (row["allowance_id"], row["pool"], row["included_units"])
            drawn_rows = [one] if row["included_units"] else []
        else:
            drawn_rows = [(d["allowance_id"], d["pool"], d["units"]) for d in drawn]
        assert drawn_rows == expected
        assert row["included_units"] == sum(units for *_, units in expected)
        assert row["included_units"] + row["charged_units"] == row["billable_units"]


def _about(device: dict[str, Any]) -> dict[str, Any]:
    return {"device": device["device"], "is_low_usage": device["is_low_usage"]}


def _sharing(known: list[dict[str, Any]]) -> set[str | None]:
    return {None, "X", "Y"} | {call["device"] for call in known}


@given(plans(ordered=False), devices(), calls(), st.sampled_from([0, 5, 31, 60, 100, 1000]))
def test_calls_use_up_their_allowances_one_by_one(
    plan: dict[str, Any], inventory: list[dict[str, Any]], made: list[dict[str, Any]], units: int
) -> None:
    _drawn(plan, inventory, made, units)


@given(plans(ordered=True), devices(), calls(), st.sampled_from([0, 5, 31, 60, 100, 1000]))
def test_categories_use_up_an_allowance_one_after_the_other(
    plan: dict[str, Any], inventory: list[dict[str, Any]], made: list[dict[str, Any]], units: int
) -> None:
    _drawn(plan, inventory, made, units)


MONTH = ("2026-05", date(2026, 5, 1), date(2026, 6, 1))
days_of_may = st.sampled_from([-20, 0, 0, 1, 14, 28, 29, 30, 31, 40]).map(
    lambda n: date(2026, 5, 1) + timedelta(days=n)
)


@given(
    st.lists(st.tuples(days_of_may, st.sampled_from([0, 1, 4, 40]), st.sampled_from("XY"), st.booleans()), max_size=5),
    st.sampled_from([0, 1, 7, 16, 50]),
    st.sampled_from([date(2024, 1, 1), date(2026, 5, 1), date(2026, 5, 15)]),
    st.sampled_from(["account", "billing_group", "device"]),
    st.sampled_from(["all", "low_usage", "standard"]),
    st.booleans(),
    st.booleans(),
)
def test_every_pool_holds_what_its_devices_bring(
    there: list[tuple[date, int, str, bool]],
    units: int,
    billing_start: date,
    pool: str,
    whose: str,
    by_days: bool,
    half_open: bool,
) -> None:
    allowance = {
        "name": "a", "unit": "second", "units": units, "products": ["phone"], "pool": pool, "devices": whose,
        "proration": "by_days" if by_days else "full", "day_count": "half_open" if half_open else "start_day_free",
    }  # fmt: skip
    plan = {"name": "p", "currency": "GBP", "domestic": ["GB"], "usage": {}, "allowances": {"a": allowance}}
    spans = pl.DataFrame(
        [
            {
                "account_id": "A", "feed": "devices", "resource_id": f"D{n}", "product_code": "phone",
                "billing_group": group, "is_low_usage": low, "start": first, "end": first + timedelta(days=more + 1),
                "quantity": 1,
            }
            for n, (first, more, group, low) in enumerate(there)
        ],
        schema=SPAN,
    )  # fmt: skip
    versions = pl.DataFrame(
        {
            "account_id": ["A"], "plan": ["p"], "version_from": [date.min], "version_to": [date.max],
            "billing_start": [billing_start],
        }
    )  # fmt: skip
    found = grant_allowances(
        spans, versions, [MONTH], Catalog.model_validate({"products": PRODUCTS, "plans": {"p": plan}})
    )
    twin: dict[str | None, int] = defaultdict(int)
    for n, (first, more, group, low) in enumerate(there):
        if whose != "all" and low != (whose == "low_usage"):
            continue
        who = {"account": None, "billing_group": group, "device": f"D{n}"}[pool]
        began, ended = max(first, billing_start), first + timedelta(days=more)
        twin[who] += units_of(units, began, ended, *MONTH[1:], by_days=by_days, half_open=half_open)
    assert {row["pool"]: row["granted_units"] for row in found.to_dicts() if row["granted_units"]} == {
        who: held for who, held in twin.items() if held
    }
