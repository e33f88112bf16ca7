"""What other programs and automations may wait for: an event when a month waits for its approval, is issued, is sent,
or is not sent by the last day but one of its window."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from prefect.events import emit_event

from flows.ask.status import status
from flows.books.at_work import at_work
from flows.books.context import Request

Happened = Literal["needs-approval", "issued", "sent", "not-sent", "corrections-drafted"]


def tell(request: Request, happened: Happened, facts: Mapping[str, object]) -> None:
    """Emits `tollbook.month.<happened>` about the resource `tollbook.month.<month>`. facts: counts, no names."""
    month, home = request.invoice_month, request.home.root.resolve()
    emit_event(
        event=f"tollbook.month.{happened}",
        resource={
            "prefect.resource.id": f"tollbook.month.{month}",
            "prefect.resource.name": f"{month} of {home.name}",
            "tollbook.home": str(home),
        },
        payload=dict(facts),
    )


def tell_of_the_window(request: Request) -> None:
    """After the mails of a day: the month is sent; or, from the last day of its window but one on, it is not."""
    settings, day = request.settings(), request.day
    with at_work(request, "status") as store:
        months = status(store, settings, request.invoice_month, today=day).months
    owed = {name: sum(int(month[name]) for month in months) for name in ("drafts", "issued", "unsent")}
    last_but_one = request.month_first + timedelta(days=settings.billing.send_to_day - 2)
    if owed["issued"] and not owed["drafts"] and not owed["unsent"]:
        tell(request, "sent", {"documents": owed["issued"]})
    elif day >= last_but_one:
        tell(request, "not-sent", {**owed, "day": day.isoformat(), "runs": sum(len(month["runs"]) for month in months)})
