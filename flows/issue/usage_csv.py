"""The itemised usage beside a PDF: every record of its lines, in local time, safe to open in a spreadsheet."""

import polars as pl

from flows.home.store import Store
from schemas.document import Document

_RISKY = r"^[=+\-@\t\r]"

# A line of late usage also moves calls that another run rated: what they are stands there.
_QUERY = """
with of_line as (select * from line_usage where run_id = $run and draft_id = $draft),
about as (
    from rated_usage where usage_id in (select usage_id from of_line)
    qualify row_number() over (partition by usage_id order by run_id = $run desc, rowid desc) = 1)
select u.line_no, r.started_at, v.time_zone, r.kind, r.category, r.direction, r.from_number, r.to_number,
       r.destination, r.country, r.duration_s, u.component, u.units, r.unit, u.price, u.per, u.amount, u.usage_id
from of_line u join about r on r.usage_id = u.usage_id
join (select account_id, max_by(time_zone, coalesce(effective_from, date '0001-01-01')) as time_zone
      from feed_accounts group by account_id) v on v.account_id = r.account_id
order by u.line_no, r.started_at, u.usage_id, u.component desc
"""


def usage_csv(store: Store, document: Document) -> bytes:
    """UTF-8 CSV with a header. Numbers stand without +, and no cell begins like a formula.

    `amount` is exact to 12 digits; a line of the document is the exact sum of its rows, rounded once.
    """
    rows = store.sql(_QUERY, {"run": document.run_id, "draft": document.draft_id})
    zone = rows["time_zone"][0] if rows.height else "UTC"
    local = pl.col("started_at").dt.convert_time_zone(zone)
    safe = [
        pl.when(pl.col(name).str.contains(_RISKY)).then("'" + pl.col(name)).otherwise(name).alias(name)
        for name in ("from_number", "to_number", "destination")
    ]
    itemised = rows.with_columns(
        pl.col("from_number", "to_number").str.strip_prefix("+"),
    ).select(
        "line_no",
        local.dt.strftime("%Y-%m-%d").alias("date"),
        local.dt.strftime("%H:%M:%S").alias("time"),
        pl.lit(zone).alias("time_zone"),
        "kind", "category", "direction", *safe, "country", "duration_s", "component", "units", "unit",
        _plain("price"), "per", _plain("amount"), pl.lit(document.currency).alias("currency"),
    )  # fmt: skip
    return itemised.write_csv(line_terminator="\n").encode()


def _plain(name: str) -> pl.Expr:
    """A decimal without the zeros of a wide column."""
    text = pl.col(name).cast(pl.String)
    return text.str.strip_chars_end("0").str.strip_chars_end(".").alias(name)
