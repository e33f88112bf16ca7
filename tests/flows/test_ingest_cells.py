"""Cells to values: what each kind takes, and what it says of the rest."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from flows.ingest.checked import Parsed
from flows.ingest.checks import is_email
from flows.ingest.numbers import e164_column
from flows.ingest.parse import parse
from flows.ingest.time_forms import declaration_for
from schemas.feed import Column, Feed


def one(kind: str, *cells: str | None, zone: str | None = None, **options: Any) -> Parsed:
    """A feed of one column `x`, one row per cell."""
    feed = Feed("trial", (Column("x", kind, **options),), key=())  # type: ignore[arg-type]
    text = pl.DataFrame({"x": cells}, schema={"x": pl.String}).with_row_index("source_line")
    return parse(feed, text.with_columns(pl.col("source_line").cast(pl.Int64), raw_line=pl.col("x")), zone)


def value(kind: str, cell: str, zone: str | None = None, **options: Any) -> Any:
    return one(kind, cell, zone=zone, **options).rows["x"].item()


def reason(kind: str, cell: str | None, zone: str | None = None, **options: Any) -> str:
    return str(one(kind, cell, zone=zone, **options).rejects["reason"].item())


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("text", " 00042 ", " 00042 "),
        ("text", "\u202eN\u00e4me \U0001f4de", "\u202eN\u00e4me \U0001f4de"),
        ("decimal", "0.000000000001", Decimal("0.000000000001")),
        ("decimal", "-999999999.999999999999", Decimal("-999999999.999999999999")),
        ("integer", "13.000000", 13),
        ("integer", "999999999", 999_999_999),
        ("boolean", "YES", True),
        ("boolean", "0", False),
        ("date", "2028-02-29", date(2028, 2, 29)),
        ("instant", "2026-05-04T10:00Z", datetime(2026, 5, 4, 10, tzinfo=UTC)),
        ("instant", "2026-05-04 10:00:01.5-0930", datetime(2026, 5, 4, 19, 30, 1, 500_000, tzinfo=UTC)),
        ("instant", "2026-05-04T10:00:00+05", datetime(2026, 5, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_cell_becomes_its_value(kind: str, cell: str, expected: object) -> None:
    assert value(kind, cell) == expected


@pytest.mark.parametrize(
    ("kind", "cell", "says"),
    [
        ("text", "a\nb", "control characters"),
        ("text", "a\x85b", "control characters"),
        ("text", "x" * 10_001, "10000 characters"),
        ("decimal", "1e3", "decimal number"),
        ("decimal", "NaN", "decimal number"),
        ("decimal", "1,5", "decimal number"),
        ("decimal", " 1", "decimal number"),
        ("decimal", "0.1234567890123", "12 decimals"),
        ("decimal", "1000000000", "below"),
        ("decimal", "9" * 40, "below"),
        ("integer", "12.5", "no fraction"),
        ("integer", "-1", "negative"),
        ("integer", "1000000000", "below"),
        ("integer", "9" * 30, "below"),
        ("integer", "one", "whole number"),
        ("boolean", "maybe", "true or false"),
        ("date", "2026-02-30", "YYYY-MM-DD"),
        ("date", "04/05/2026", "YYYY-MM-DD"),
        ("date", "9999-12-31", "empty for no end"),
        ("instant", "2026-05-04T10:00:00", "declared time_zone"),
        ("instant", "2026-05-04T24:00:00Z", "ISO 8601"),
        ("instant", "2026-05-04T10:00:60Z", "ISO 8601"),
        ("instant", "2026-02-30T10:00:00Z", "ISO 8601"),
        ("instant", "2026-05-04T10:00:00+23:00", "ISO 8601"),
        ("instant", "2026-05-04", "ISO 8601"),
        ("moment", "2026-05-04T10:00:00", "offset"),
    ],
)
def test_a_bad_cell_says_what_is_expected(kind: str, cell: str, says: str) -> None:
    found, _, expected = reason(kind, cell).partition("; expected ")
    assert found == f"found '{cell[:60]}'"
    assert says in expected


def test_a_local_time_that_the_clocks_show_twice_or_skip_is_never_guessed() -> None:
    zone = "America/New_York"
    assert value("instant", "2026-07-01 12:00:00", zone) == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert value("instant", "2026-11-01T01:30:00-05:00", zone) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert "show this one twice" in reason("instant", "2026-11-01 01:30:00", zone)
    assert "skip this one" in reason("instant", "2026-03-08 02:30:00", zone)


def test_a_moment_keeps_the_day_as_written_beside_the_instant() -> None:
    rows = one("moment", "2026-05-10", "2026-05-10T23:30:00-04:00").rows
    assert rows.select("x", "x_at").rows() == [
        (date(2026, 5, 10), None),
        (date(2026, 5, 10), datetime(2026, 5, 11, 3, 30, tzinfo=UTC)),
    ]


def test_choices_ignore_case_and_required_cells_have_a_value() -> None:
    assert value("choice", "SMS", choices=("sms", "mms")) == "sms"
    assert "one of sms, mms" in reason("choice", "fax", choices=("sms", "mms"))
    assert reason("text", None, required=True) == "found nothing; expected a value"
    assert one("date", None).rows["x"].to_list() == [None]


@pytest.mark.parametrize(
    ("country", "written", "expected"),
    [
        (None, "+1 (202) 555-0101", "+12025550101"),
        (None, "tel:+1-202-555-0101;phone-context=x", "+12025550101"),
        (None, "sip:+12025550101@pbx.example", "+12025550101"),
        (None, "0044 20 7946 0000", "+442079460000"),
        (None, "+44 (0)20 7946 0000", "+442079460000"),
        (None, "12025550101", "12025550101"),
        (None, "00012025550101", "00012025550101"),
        (None, "anonymous", "anonymous"),
        (None, "&", "&"),
        (None, "*72*1001", "*72*1001"),
        (None, "1001", "1001"),
        ("US", "2025550101", "+12025550101"),
        ("US", "1-202-555-0101", "+12025550101"),
        ("CA", "011442079460000", "+442079460000"),
        ("US", "911", "911"),
        ("GB", "020 7946 0000", "+442079460000"),
        ("GB", "00 1 202 555 0101", "+12025550101"),
        ("GB", "2079460000", "2079460000"),
        ("DE", "030 23125 000", "+493023125000"),
        ("IT", "0655510000", "+390655510000"),
        ("ES", "910550100", "+34910550100"),
    ],
)
def test_numbers_become_e164_only_where_that_can_be_told(country: str | None, written: str, expected: str) -> None:
    told = e164_column(pl.Series([written, None, "+12025550199", written]), country)
    assert told.to_list() == [expected, None, "+12025550199", expected]


@pytest.mark.parametrize(
    "text",
    [
        "a@b.c\r\nBcc: x@y.z", "a@b.c, x@y.z", "a@b.c;x@y.z", '"A B" <a@b.c>', "<a@b.c>", "a b@c.d", "a@", "@b",
        "a@b..c", "a@@b", "", "a@b.c ", "a@b.c(x)", "jos\u00e9@b.c", "a@[127.0.0.1]", "x" * 255 + "@b.c",
    ],
)  # fmt: skip
def test_only_one_plain_address_is_an_address(text: str) -> None:
    assert is_email("a.b+c@mail.example")
    assert not is_email(text)


@pytest.mark.parametrize(
    ("cell", "declared", "says"),
    [
        ("05/14/2026 10:00:00 AM", None, ', or time_format in [sources.pbx]: "%m/%d/%Y %I:%M:%S %p"'),
        ("04/05/2026 10:00", None, ' time_format in [sources.pbx]: "%d/%m/%Y %H:%M" or "%m/%d/%Y %H:%M", whichever is'),
        ("May 6, 2026 10:00:00 AM", None, ', or time_format in [sources.pbx]: "%b %d, %Y %I:%M:%S %p"'),
        ("1777888800", None, ', or time_format in [sources.pbx]: "epoch"'),
        ("whenever", None, ', or time_format in [sources.pbx]: a pattern such as "%m/%d/%Y %I:%M:%S %p", or epoch'),
        ("14/05/2026 10:00", "%m/%d/%Y %H:%M", ' what is written would be "%d/%m/%Y %H:%M"'),
        ("whenever", "%m/%d/%Y %H:%M", ', or as time_format = "%m/%d/%Y %H:%M" in [sources.pbx] says'),
    ],
)  # fmt: skip
def test_a_time_in_another_form_is_told_how_to_declare_it(cell: str, declared: str | None, says: str) -> None:
    feed = Feed("trial", (Column("x", "instant"),), key=())
    text = pl.DataFrame({"source_line": [1, 2], "raw_line": ["", ""], "x": [cell, "2026-02-30T10:00:00Z"]})
    rejects = parse(feed, text, "UTC", declaration_of=lambda cells: declaration_for(cells, "pbx", declared)).rejects
    form, never = rejects["reason"]
    assert form.startswith(f"found '{cell}'; expected a time in ISO 8601, as 2026-05-01T12:00:00Z, or ")
    assert says in form
    assert never == "found '2026-02-30T10:00:00Z'; expected a time in ISO 8601, as 2026-05-01T12:00:00Z"
