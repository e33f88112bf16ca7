"""What is shown of a sample that was tried: records as understood, words met, columns left over, rejects."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from flows.ask.source_reading import Reading
from rating.dispositions import is_cause, is_unknown, says_unanswered
from rating.ends import EXTENSION
from schemas.counts import count_of
from schemas.errors import Fault

SHOWN, MOST_VALUES, MOST_REJECTS = 5, 20, 10


def understood(reading: Reading, *, zone_is_known: bool) -> list[dict[str, Any]]:
    """Five records, of each direction and form of number the first: when they started, both ends, who would pay,
    whether answered, how long.

    Where the zone of the times is not known they stand as written, and `time_zone` is null.
    """
    if reading.layout is None or reading.good.is_empty():
        return []
    zone = reading.guess.said.get("time_zone", "UTC")
    billed_leg = reading.layout.source.leg if reading.layout.source else None
    when = "started_at" if reading.layout.feed.name == "calls" else "sent_at"
    shown = []
    few = _few(reading.good)
    for row in few.with_columns(_is_unanswered(few)).iter_rows(named=True):
        local = row[when].astimezone(ZoneInfo(zone))
        record = {
            "line": row["source_line"],
            when: local.strftime("%Y-%m-%d %H:%M:%S"),
            "time_zone": zone if zone_is_known else None,
            "direction": row["direction"],
            "from_number": row["from_number"],
            "to_number": row["to_number"],
            "who_pays": _payer(row, billed_leg),
        }
        if reading.layout.feed.name == "calls":
            record |= {"answered": not row["unanswered"], "seconds": row["duration_s"]}
        else:
            record |= {"credits": row["credits"], "channel": row["channel"]}
        shown.append(record)
    return shown


def _few(good: pl.DataFrame) -> pl.DataFrame:
    """As many as are shown, in the order of the file: what the first lines do not show goes wrong unseen."""
    ends = [
        pl.when(pl.col(end).is_null()).then(pl.lit("none"))
        .when(pl.col(end).str.contains(EXTENSION)).then(pl.lit("extension"))
        .otherwise(pl.col(end).str.slice(0, 1) == "+")
        .alias(f"_{end}")
        for end in ("from_number", "to_number")
    ]  # fmt: skip
    numbered = good.with_row_index("_row").with_columns(ends)
    first = numbered.unique(["direction", "_from_number", "_to_number"], keep="first", maintain_order=True)
    rows = pl.concat([first, numbered.join(first, on="_row", how="anti")]).head(SHOWN)
    return rows.sort("_row").select(good.columns)


def _is_unanswered(rows: pl.DataFrame) -> list[pl.Expr]:
    """As rating tells it: no seconds, a word that says so, or why it failed where no answer stamp says otherwise."""
    if "disposition" not in rows.columns:
        return []
    word, stamped = pl.col("disposition"), pl.col("answered_at").is_not_null()
    said_so = says_unanswered(word) | (is_cause(word) & ~stamped)
    return [((pl.col("duration_s") == 0) | said_so).alias("unanswered")]


def _payer(row: Mapping[str, Any], billed_leg: str | None) -> str:
    """Whose the record is, as far as the file says (RULES 16): the account stated, else the owner of the near number.
    An extension is known only within an account."""
    if billed_leg and row["leg"] != billed_leg:
        return f"nobody: leg {row['leg']} of its call, and leg {billed_leg} bills"
    near, extension = _near(row), row.get("extension")
    is_inside = near is None or is_extension(near)
    own = (f"extension {extension or near}" if extension or near else "") if is_inside else near
    if row["account_id"]:
        return f"account {row['account_id']}" + (f", if it owns {own}" if own else "")
    if not own:
        return "nobody: no account and no number of ours"
    return f"nobody yet: whose {own} is, no account says (account_id)" if is_inside else f"the owner of {own}"


def _near(row: Mapping[str, Any]) -> str | None:
    """Our end of a record."""
    end: str | None = row["to_number"] if row["direction"] == "inbound" else row["from_number"]
    return row.get("charged_number") or end


def is_extension(number: str) -> bool:
    """Whether it is a number of the house."""
    return re.fullmatch(EXTENSION.strip("^$"), number) is not None


def record_line(record: Mapping[str, Any]) -> str:
    """A record as understood, for the terminal."""
    when = record.get("started_at") or record.get("sent_at")
    ends = f"{record['from_number'] or '-'} -> {record['to_number'] or '-'}"
    if "seconds" in record:
        size = f"{'answered' if record['answered'] else 'not answered'}, {record['seconds']} s"
    else:
        size = f"{record['channel']}, {count_of(record['credits'], 'credit')}"
    zone = record["time_zone"] or "in a zone to be declared"
    return f"  line {record['line']}: {when} {zone}, {record['direction']}, {ends}, {size}; pays: " + str(
        record["who_pays"]
    )


def values_met(reading: Reading, column: str) -> list[dict[str, Any]]:
    """The file's own words of a column, how many records have each, and what they mean to us; the commonest first."""
    layout = reading.layout
    if layout is None or reading.rows.is_empty() or column not in {c.name for c in layout.feed.columns}:
        return []
    theirs = [name for name in layout.names_of(column) if f"file.{name}" in reading.rows.columns]
    lines = reading.good.select("source_line", meant=column) if reading.good.height else None
    if theirs:
        word = pl.concat_str([pl.col(f"file.{name}").fill_null("") for name in theirs], separator=" ").alias("value")
        rows = reading.rows.select("source_line", word)
    elif lines is not None:
        rows = lines.select("source_line", value=pl.col("meant").fill_null(""))
    else:
        return []
    meant = rows.join(lines, on="source_line", how="left") if lines is not None else rows.with_columns(meant=None)
    meant = meant.with_columns(pl.col("meant").cast(pl.String), is_read=pl.lit(lines is not None))
    if lines is not None:
        meant = meant.with_columns(is_read=pl.col("source_line").is_in(lines["source_line"].implode()))
    counts = meant.group_by("value", maintain_order=True).agg(
        records=pl.len(),
        meanings=pl.col("meant").filter("is_read").unique(maintain_order=True),
        read=pl.col("is_read").any(),
    )
    counts = counts.sort("records", descending=True, maintain_order=True)
    words = _endings(counts["value"]) if column == "disposition" else {}
    return [
        {
            "value": row["value"],
            "records": row["records"],
            "meaning": words.get(row["value"])
            or (_joined(row["meanings"]) if row["read"] else "in rejected records only"),
        }
        for row in counts.head(50).iter_rows(named=True)
    ]


def _joined(meanings: list[str | None]) -> str:
    return "is " + " or ".join(meaning or "nothing" for meaning in meanings)


def _endings(words: pl.Series) -> dict[str, str]:
    """What their words for how a call ended say of whether it was answered."""
    word = pl.col("word")
    told = words.to_frame("word").select(
        "word",
        meaning=pl.when(word == "")
        .then(pl.lit("is nothing"))
        .when(says_unanswered(word))
        .then(pl.lit("is not answered"))
        .when(is_cause(word))
        .then(pl.lit("is not answered, unless an answer time says otherwise"))
        .when(is_unknown(word))
        .then(pl.lit("is a word we do not know: answered, if it has seconds"))
        .otherwise(pl.lit("is answered, if it has seconds")),
    )
    return dict(told.iter_rows())


def faults_of(reading: Reading, file: str) -> list[Fault]:
    """The first rejects, with line, column and reason."""
    if reading.rejects.is_empty():
        return []
    first = reading.rejects.sort("source_line", nulls_last=False).head(MOST_REJECTS)
    faults = []
    for line, column, reason in first.select("source_line", "column_name", "reason").iter_rows():
        found, _, expected = reason.removeprefix("found ").partition("; expected ")
        faults.append(Fault(file, line, column, found, expected))
    return faults
