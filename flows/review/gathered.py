"""The review's tables, from the snapshot and from what stops the approval."""

from pathlib import Path

import duckdb

from flows.books import laws
from flows.books.ageing import ageing
from flows.books.erasing_due import erasing_due
from flows.books.outdated import outdated_runs
from flows.books.remedies import SUSPENDED_REMEDIES, remedy, stop_remedy
from flows.books.views import blocks
from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.shipped_values import left_as_shipped
from flows.home.store import Store
from flows.review.cancelled import newly_cancelled
from flows.review.cells import Rows
from flows.review.documents import with_files
from flows.review.endings import unknown_endings
from flows.review.inbox import still_refused
from flows.review.masking import mask_numbers
from flows.review.movers import reasons_of
from flows.review.parallel import parallel_calls
from flows.review.renewals import upcoming
from flows.review.report import Law, Review
from flows.review.sample_rates import sample_rates
from flows.review.sellers import seller_names, with_sellers
from flows.review.stops import MonthStops
from flows.review.tables import TABLES
from rating.outcomes import EXCLUDED
from schemas.periods import month_start, shift_month

NO_EARLIER_MONTH = "no earlier month"
_TABLES = Path(__file__).with_name("review.sql")


def gathered(
    con: duckdb.DuckDBPyConnection, store: Store, settings: Settings, tables: Tables, held: MonthStops, month: str
) -> Review:
    """Every table of the review. con: the snapshot, with the variables that review.sql asks for."""
    rows = {name: con.sql(query).pl().to_dicts() for name, query in blocks(_TABLES).items()}
    nothing_to_compare = _nothing_to_compare(rows.pop("earlier")[0], shift_month(month, -1))
    outdated = outdated_runs(store)
    for row in rows["runs"]:
        row["state"] = "void" if row["run_id"] in outdated else row["state"]
    for row in rows["parked"]:
        row["remedy"] = remedy(row["code"], month, row["account_id"])
    for row in rows["suspended"]:
        row["remedy"] = SUSPENDED_REMEDIES[row["reason"]]
    for row in rows["excluded"]:
        row["meaning"] = EXCLUDED[row["reason"]]
    rows["refused_files"] = still_refused(store.home, settings, rows["refused_files"])
    if nothing_to_compare == NO_EARLIER_MONTH:
        rows["new_accounts"] = []  # everybody is
    rows["documents"] = with_files(store, rows["documents"], month)
    moved = reasons_of(con, month, shift_month(month, -1), [row["account_id"] for row in rows["changes"]])
    for row in rows["changes"]:
        row["reasons"] = moved.get(row["account_id"], "")
    rows["parallel_calls"] = parallel_calls(store, month)
    rows["ageing"] = ageing(con, month_start(month))
    rows["erasing_due"] = erasing_due(store, month_start(month))
    rows |= {
        "stops": _with_remedies(held.rows(), month),
        "bridge": held.bridge,
        "uncharged": held.uncharged,
        "unfounded": held.unfounded,
    }
    rows |= {"no_table": held.no_table, "own_rates": held.own_rates}
    by_engine = settings.tax_engine.sellers if settings.tax_engine else ()
    own = [row for row in rows["taxes"] if row["seller_id"] not in by_engine]
    rows["sample_rates"] = sample_rates(own, tables.taxes, month)
    rows["no_history"] = held.no_history
    rows["endings"] = unknown_endings(store, month)
    rows["renewals"] = upcoming(store, tables, month)
    rows["cancellations"] = newly_cancelled(store, tables, month)
    examples = left_as_shipped(settings)
    rows["examples"] = [
        {
            "seller_id": seller,
            "keys": ", ".join(keys),
            "remedy": f"Put yours under `[sellers.{seller}]` in tollbook.toml.",
        }
        for seller, keys in examples.items()
    ]
    in_all = {name: row.pop("in_all") for name in rows for row in rows[name] if "in_all" in row}
    names = seller_names(settings)
    rows = {name: with_sellers(of, names) for name, of in rows.items()}
    if settings.review.mask_numbers:
        mask_numbers(rows)
    broken, figures = laws.broken(con, month), laws.sums(con, month)
    return Review(
        month=month,
        previous=shift_month(month, -1),
        sellers=names,
        runs=rows["runs"],
        outcomes={row["outcome"]: row["accounts"] for row in rows["outcomes"]},
        tables={name: rows[name] for name in TABLES},
        laws=[Law(name, laws.MEANING[name], figures[name], broken.get(name, [])) for name in laws.LAWS],
        html=store.home.out(month) / "review.html",
        json=store.home.out(month) / "review.json",
        workbook=store.home.out(month) / "review.xlsx",
        history=rows["history"],
        in_all=in_all,
        nothing_to_compare=nothing_to_compare,
    )


def _nothing_to_compare(documents: dict[str, int], previous: str) -> str | None:
    """Why no figure of the month can be held against another one's; None where one can."""
    if not documents["ever"]:
        return NO_EARLIER_MONTH
    return None if documents["previous"] else f"nothing was billed in {previous}"


def _with_remedies(stops: Rows, month: str) -> Rows:
    """With what to do, unless it was let through; and what it is about for a reader who sees the seller beside it."""
    return [
        {
            **row,
            "remedy": None if row["reason"] else stop_remedy(row["code"], month, row["subject"]),
            "about": _about(row["subject"], row["seller_id"]),
        }
        for row in stops
    ]


def _about(subject: str, seller_id: str | None) -> str | None:
    """`corvane-us USD` -> USD; nothing where it is the seller alone."""
    return (subject.removeprefix(f"{seller_id} ") if subject != seller_id else None) if seller_id else subject
