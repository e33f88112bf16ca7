"""What stops an approval until a person says why it may go on: gaps in what came, figures far from their history.

Everything is worked out from the books as they stand: a file that arrives or an account that is mended ends its stop.
"""

from collections.abc import Iterable

from flows.books.books import Books
from flows.books.context import Request
from flows.books.publish import in_force
from flows.catalog.load import Tables, load_all
from flows.home import audit
from flows.home.settings import Settings
from flows.home.store import Store
from flows.review.bridge import bridge, residuals
from flows.review.completeness import missing
from flows.review.credits import credit_stops
from flows.review.inbox import inbox_stops
from flows.review.refused import refused_rows
from flows.review.repriced import repriced
from flows.review.resources import resource_gaps
from flows.review.sanity import far_off, without_history
from flows.review.stops import MonthStops, Stop
from flows.review.untaxed import rates_entered, regions_without_table
from schemas.errors import Refused

_TEMP_TABLES = ("documents_in_force",)


def month_stops(store: Store, settings: Settings, month: str, tables: Tables | None = None) -> MonthStops:
    """Everything that stops the approval of an invoice month, worst first, and what was overridden of it.

    `tables`: where the command has read them already.
    """
    tables = tables or load_all(store.home, settings)
    with in_force(store.con, _TEMP_TABLES):
        bridged = bridge(store, month)
        uncharged, unfounded = resource_gaps(store, settings, tables, month)
        no_table = regions_without_table(store, settings, tables.taxes, month)
        stops = [
            *inbox_stops(store, settings),
            *refused_rows(store, settings, month),
            *missing(store, settings, month),
            *residuals(bridged),
            *far_off(store, settings, month),
            *repriced(store, tables.catalog, month),
            *credit_stops(store, settings, month),
        ]
        no_history = without_history(store, settings, month)
    rows = store.rows(
        "select code, subject, detail, seller_id, reason, by_name from stop_overrides where invoice_month = $1 "
        "order by happened_at",
        [month],
    )
    ahead = store.rows(
        "select detail, reason, by_name from audit_log where act = 'run ahead' and subject = $1 "
        "order by seq desc limit 1",
        [month],
    )
    said = {Stop(code, subject, detail, seller): (reason, by) for code, subject, detail, seller, reason, by in rows}
    for detail, reason, by in ahead:
        # Whoever ran it has said why: it is shown, and stops nothing.
        stops.append(Stop("month_ahead", month, detail))
        said[stops[-1]] = (reason, by)
    reasons = {stop: said[stop] for stop in stops if stop in said}
    own_rates = rates_entered(tables.taxes, month)
    return MonthStops(stops, bridged, uncharged, unfounded, no_table, own_rates, no_history, reasons)


def waiting(books: Books, seller: str | None, override: str | None) -> list[Stop]:
    """What stops this approval and was not let through before.

    Raises Refused, listing it, unless an `override` says why it may pass.
    """
    month = books.request.invoice_month
    found = month_stops(books.store, books.settings, month, books.tables)
    here = [stop for stop in found.stops if seller is None or stop.seller_id in (None, seller)]
    stops = [stop for stop in here if stop not in found.reasons]
    if stops and not (override and override.strip()):
        listed = "\n".join(f"  {stop}" for stop in stops[:20])
        more = f"\n  and {len(stops) - 20} more, see the review" if len(stops) > 20 else ""
        raise Refused(
            f"{month} may not be approved yet:\n{listed}{more}\n"
            "Mend it and run again, or let it through and say why: --override TEXT"
        )
    return stops


def let_through(store: Store, request: Request, runs: Iterable[str], stops: list[Stop], reason: str | None) -> None:
    """Writes down what is let through and why. Inside the approval's transaction: it stands or falls with it."""
    if not stops:
        return
    for stop in stops:
        store.con.execute(
            "insert into stop_overrides values ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                *(request.invoice_month, stop.code, stop.subject, stop.detail, stop.seller_id),
                *(reason, request.by, request.now),
            ],
        )
    told = "; ".join(str(stop) for stop in stops)
    audit.record(store, "override", ", ".join(runs), request.by, request.now, reason, told)
