"""The itemised usage beside a PDF: every record of its lines, in local time, safe to open in a spreadsheet."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from flows.home.store import Store
from schemas.document import Document
from schemas.money import plain_text

ROWS_AT_ONCE = 250_000
"""Usage that is read at a time: as many documents as have no more together, and at least one."""

_RISKY = r"^[=+\-@\t\r]"

# A line of late usage also moves calls that another run rated: what they are stands there.
_QUERY = """
with of_line as (
    select *, rowid as place from line_usage where run_id = $run and draft_id in (select unnest($drafts))),
about as (
    from rated_usage where usage_no in (select usage_no from of_line)
    qualify row_number() over (partition by usage_no order by run_id = $run desc, row_id desc) = 1)
select u.draft_id, u.line_no, r.started_at, v.time_zone, r.kind, r.category, r.direction, r.from_number, r.to_number,
       r.destination, r.country, r.duration_s, u.component, u.units, r.unit, u.price, u.per, u.amount, u.usage_id
from of_line u join about r on r.usage_no = u.usage_no
join (select account_id, max_by(time_zone, coalesce(effective_from, date '0001-01-01')) as time_zone
      from feed_accounts group by account_id) v on v.account_id = r.account_id
order by u.draft_id, u.line_no, r.started_at, u.usage_id, u.component desc, u.place
"""


@dataclass(frozen=True)
class Itemised:
    """A document whose usage is itemised; `rows`: how much of it there is."""

    run_id: str
    draft_id: str
    currency: str
    rows: int = 0


def usage_csv(store: Store, document: Document) -> bytes:
    """UTF-8 CSV with a header. Numbers stand without +, and no cell begins like a formula.

    `amount` is exact to 12 digits; a line of the document is the exact sum of its rows, rounded once.
    """
    return next(usage_csvs(store, [Itemised(document.run_id, document.draft_id, document.currency)]))


def usage_csvs(store: Store, documents: Iterable[Itemised]) -> Iterator[bytes]:
    """The same of many documents, in their order, read some at a time."""
    for some in _at_once(documents):
        files = _files(store, some)
        yield from (files.get(document.draft_id, _NONE) for document in some)


def _at_once(documents: Iterable[Itemised]) -> Iterator[list[Itemised]]:
    some: list[Itemised] = []
    rows = 0
    for document in documents:
        rows += document.rows
        if some and (rows > ROWS_AT_ONCE or document.run_id != some[0].run_id):
            yield some
            some, rows = [], document.rows
        some.append(document)
    if some:
        yield some


def _files(store: Store, documents: Sequence[Itemised]) -> dict[str, bytes]:
    """draft_id -> file, of documents of one run that have usage."""
    asked = {"run": documents[0].run_id, "drafts": [document.draft_id for document in documents]}
    currencies = {document.draft_id: document.currency for document in documents}
    rows = store.sql(_QUERY, asked).with_columns(
        pl.col("time_zone").first().over("draft_id"),
        currency=pl.col("draft_id").replace_strict(currencies, return_dtype=pl.String),
    )
    return {
        str(draft_id): file.write_csv(line_terminator="\n").encode()
        for (zone,), of_zone in rows.partition_by("time_zone", as_dict=True).items()
        for (draft_id,), file in _itemised(of_zone, str(zone))
        .partition_by("draft_id", as_dict=True, include_key=False)
        .items()
    }


def _itemised(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """draft_id, and the columns of its file."""
    local = pl.col("started_at").dt.convert_time_zone(zone)
    safe = [
        pl.when(pl.col(name).str.contains(_RISKY)).then("'" + pl.col(name)).otherwise(name).alias(name)
        for name in ("from_number", "to_number", "destination")
    ]
    return rows.with_columns(pl.col("from_number", "to_number").str.strip_prefix("+")).select(
        "draft_id",
        "line_no",
        local.dt.strftime("%Y-%m-%d").alias("date"),
        local.dt.strftime("%H:%M:%S").alias("time"),
        pl.lit(zone).alias("time_zone"),
        "kind", "category", "direction", *safe, "country", "duration_s", "component", "units", "unit",
        plain_text(pl.col("price")), "per", plain_text(pl.col("amount")), "currency",
    )  # fmt: skip


_NONE = (
    b"line_no,date,time,time_zone,kind,category,direction,from_number,to_number,destination,country,duration_s,"
    b"component,units,unit,price,per,amount,currency\n"
)
"""The file of a document whose usage is gone, or was never there."""
