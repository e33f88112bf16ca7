"""The price of a call against a slow exact twin: tie-rich prices, steps, bands over clock changes, caps, rounding."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rating.call_price import price, units_used, walk, with_rates_of
from rating.checks.call import check_call
from rating.tariffs import RateOn, compile_rates
from schemas.call_rate import Rate
from tests.properties.call_twin import charge

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
CLOCK_CHANGES = (  # around these instants the clocks of some zone above change
    datetime(2025, 3, 30, 0, 40, tzinfo=UTC),
    datetime(2025, 10, 26, 0, 10, tzinfo=UTC),
    datetime(2025, 3, 9, 6, 20, tzinfo=UTC),
    datetime(2025, 11, 2, 5, 10, tzinfo=UTC),
    datetime(2025, 4, 5, 14, 20, tzinfo=UTC),
    datetime(2025, 12, 24, 17, 40, tzinfo=UTC),
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

prices = st.sampled_from(
    ["0", "0.005", "0.0105", "0.2093", "0.015", "1", "2.5", "0.0000005", "0.333333333333", "999999999.999999999999"]
)
amounts = st.sampled_from(["0", "0.005", "0.0105", "0.4", "1", "10"])
sizes = st.sampled_from(["1", "6", "7", "10", "30", "60", "90", "0.5", "1.5", "0.1"])
roundings = st.fixed_dictionaries(
    {"digits": st.integers(0, 8).map(str), "mode": st.sampled_from(["half_up", "half_even", "up", "down"])}
)


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, str]]:
    later = draw(st.sets(st.sampled_from(["0.3", "6", "30", "60", "61", "600"]), max_size=3))
    starts = ["0", *sorted(later, key=float)]
    return [
        {"from_s": start, "price": draw(prices), "per_s": draw(sizes), "increment_s": draw(sizes)} for start in starts
    ]


@st.composite
def bands(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A week without gaps, cut at odd times; perhaps with bands for holidays, which may leave hours open."""
    edges = sorted(draw(st.sets(st.sampled_from(["00:30", "01:00", "01:15", "02:30", "18:00", "22:00"]), max_size=3)))
    weekdays, rest = draw(st.sampled_from([(DAYS, ()), (DAYS[:5], DAYS[5:]), (DAYS[:6], ("sun", "holiday"))]))
    found = []
    for days in filter(None, (weekdays, rest)):
        cut = ["00:00", *edges, "24:00"]
        found += [{"days": list(days), "from": a, "to": b} for a, b in pairwise(cut)]
    if "holiday" not in rest and draw(st.booleans()):
        found.append({"days": ["holiday"], "from": "00:00", "to": "12:00"})
    return [{**band, "connect_fee": draw(st.none() | amounts), "steps": draw(steps())} for band in found]


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    case: dict[str, Any] = {
        "seconds": str(draw(st.sampled_from([0, 1, 5, 29, 30, 31, 59, 60, 61, 90, 3600]) | st.integers(0, 9000))),
        "connect_fee": draw(amounts),
        "minimum_s": draw(st.sampled_from(["0", "0", "30", "45.5", "120"])),
        "grace_s": draw(st.sampled_from(["0", "0", "0", "5"])),
        "max_charge": draw(st.none() | amounts),
        "started_at": draw(st.sampled_from(CLOCK_CHANGES)) + timedelta(seconds=draw(st.integers(-7200, 7200))),
        "time_zone": draw(st.sampled_from(ZONES)),
        "holidays": ["2025-12-25"],
    }
    case |= {"bands": draw(bands())} if draw(st.booleans()) else {"steps": draw(steps())}
    return case


def as_text(case: Mapping[str, Any]) -> dict[str, Any]:
    return {**case, "started_at": case["started_at"].isoformat()}


def as_rate(case: Mapping[str, Any]) -> Rate:
    """The case as an operator writes it under a plan."""

    def named(step: Mapping[str, str]) -> dict[str, str]:
        return {{"from_s": "from", "per_s": "per", "increment_s": "increment"}.get(k, k): v for k, v in step.items()}

    return Rate.model_validate(
        {
            "connect_fee": case["connect_fee"],
            "minimum": case["minimum_s"],
            "grace": case["grace_s"],
            "max_charge": case["max_charge"],
            "rounding": case.get("rounding"),
            "steps": [named(step) for step in case.get("steps", [])],
            "bands": [{**band, "steps": [named(step) for step in band["steps"]]} for band in case.get("bands", [])],
        }
    )


@given(calls(), roundings)
def test_a_checked_call_is_what_the_twin_says(case: dict[str, Any], rounding: dict[str, str]):
    case = {**case, "rounding": rounding}
    assert check_call(as_text(case))["amount"] == charge(case)[0]


@given(st.lists(st.tuples(calls(), st.none() | roundings, st.integers(0, 100)), min_size=1, max_size=12))
def test_many_calls_at_once_are_each_what_the_twin_says(drawn: list[tuple[dict[str, Any], Any, int]]):
    """With and without rounding, with allowances; every amount is the sum of its parts, every unit accounted for."""
    cases = [{**case, "rounding": rounding} for case, rounding, _ in drawn]
    billable = [charge(case)[1] for case in cases]
    included = [used * share // 100 for used, (_, _, share) in zip(billable, drawn, strict=True)]
    entries = [RateOn(str(n), as_rate(case), date(2025, 1, 1), (date(2025, 12, 25),)) for n, case in enumerate(cases)]
    tariffs = compile_rates(entries)
    frame = pl.DataFrame(
        [
            (n, str(n), case["started_at"], case["time_zone"], int(case["seconds"]), covered)
            for n, (case, covered) in enumerate(zip(cases, included, strict=True))
        ],
        schema={
            "call": pl.UInt32,
            "rate_id": pl.String,
            "started_at": pl.Datetime("us", "UTC"),
            "time_zone": pl.String,
            "units": pl.Int64,
            "included": pl.Int64,
        },
        orient="row",
    )
    frame = with_rates_of(frame, tariffs).with_columns(answered=pl.col("units") * pl.col("ticks"))
    stretches = walk(frame, tariffs)
    assert units_used(frame, stretches)["units"].to_list() == billable
    priced = price(frame, stretches, tariffs)
    for row, case, used, covered in zip(priced.to_dicts(), cases, billable, included, strict=True):
        amount = Fraction(row["amount_num"]) / row["amount_den"]
        assert amount == charge(case, covered)[0]
        parts = row["parts"] or []
        assert sum((Fraction(part["amount_num"]) / part["amount_den"] for part in parts), Fraction(0)) == amount
        metered = [part for part in parts if part["component"] in ("charged", "minimum")]
        assert sum(part["units"] for part in metered) == used - covered
