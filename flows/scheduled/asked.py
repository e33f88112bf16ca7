"""What a flow was asked for, as a request: the home, the invoice month, who acts and on which day.

A flow that a schedule started is asked for nothing: its month is that of its scheduled start in the schedule's zone, so
that one which starts late, after a server was down, still bills the month that was meant.
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from prefect.runtime import flow_run

from flows.books.context import Request
from flows.home.settings import Home, Settings, load_settings
from schemas.errors import WrongUsage
from schemas.periods import month_start

BY = "scheduler"
"""Who acts where nobody is named: never who approves."""


def zones_of(settings: Settings) -> list[str]:
    """The zones of the home's sellers, in their order."""
    return list(dict.fromkeys(seller.time_zone for seller in settings.sellers.values()))


def asked(
    home: str | None,
    month: str | None,
    *,
    zone: str | None = None,
    by: str = BY,
    accounts: list[str] | None = None,
    ahead: str | None = None,
) -> Request:
    """The request of this flow run. zone: of its schedule; None: that of the first seller.

    $TOLLBOOK_TODAY is the day it is, as on the command line. Raises WrongUsage for what is no home or no month.
    """
    root = Path(home or os.environ.get("TOLLBOOK_HOME") or ".")
    settings = load_settings(Home(root))
    now, today = datetime.now(UTC), os.environ.get("TOLLBOOK_TODAY")  # noqa: TID251 the clock of a flow
    day = _day(today) if today else None
    if month is None:
        month = f"{day or scheduled_day(zone or zones_of(settings)[0], now):%Y-%m}"
    month_start(month)
    return Request(str(root), month, by, now, day, tuple(accounts or ()), ahead=ahead)


def scheduled_day(zone: str, now: datetime) -> date:
    """The day, in a zone, on which this flow run was to start."""
    start = flow_run.scheduled_start_time or now
    return datetime.fromtimestamp(start.timestamp(), ZoneInfo(zone)).date()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"$TOLLBOOK_TODAY: found {text!r}; expected a date YYYY-MM-DD") from None
