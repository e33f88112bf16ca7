"""The table at the head of rating/draws.py is what the code does: a reader works it through by hand."""

import re
from datetime import UTC, datetime

import polars as pl

from rating import draws
from rating.devices import Devices
from rating.draws import Pools, draw
from rating.intervals import intervals

ROW = re.compile(r"^ +(\d\d):00 +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)   (.+)$", re.MULTILINE)
GRANTED = 100 * 60


def _rows() -> list[tuple[int, ...]]:
    found = ROW.findall(draws.__doc__ or "")
    return [tuple(int(figure.replace(",", "")) for figure in row[:6]) for row in found]


def test_the_worked_example_is_what_the_code_does() -> None:
    rows = _rows()
    assert len(rows) == 3
    hours, needs, used_before, left, included, charged = (list(column) for column in zip(*rows, strict=True))
    usage = pl.DataFrame(
        {
            "allowance_id": "p:minutes", "account_id": "A-1", "usage_month": "2026-05", "category": "domestic",
            "billing_group": pl.Series([None] * 3, dtype=pl.String), "billable_units": needs,
            "started_at": [datetime(2026, 5, 4, hour, tzinfo=UTC) for hour in hours], "usage_id": ["c-1", "c-2", "c-3"],
        }
    )  # fmt: skip
    grants = pl.DataFrame(
        {"account_id": "A-1", "usage_month": "2026-05", "allowance_id": "p:minutes", "pool": None,
         "granted_units": [GRANTED]},
        schema_overrides={"pool": pl.String},
    )  # fmt: skip
    lists = pl.DataFrame(
        {"listed": ["p:minutes"], "allowance_id": "p:minutes", "turn": 0, "shared_by": "account", "devices": "all",
         "needs_device": False}
    )  # fmt: skip
    places = pl.DataFrame(schema={"allowance_id": pl.String, "category": pl.String, "place": pl.Int64})
    drawn = draw(usage, grants, Pools(lists, places, _no_devices()))
    assert drawn["included_units"].to_list() == included
    assert drawn["charged_units"].to_list() == charged
    # The two columns between are how it comes about: the sum of the calls before, and what that leaves.
    assert used_before == [sum(needs[:place]) for place in range(3)]
    assert left == [max(GRANTED - used, 0) for used in used_before]


def _no_devices() -> Devices:
    none = intervals(pl.DataFrame(schema={"key": pl.String, "from_at": pl.Datetime, "to_at": pl.Datetime}), "key")
    return Devices(none, none, none, none)
