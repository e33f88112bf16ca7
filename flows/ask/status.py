"""Where everything stands: files, and per invoice month its runs, documents, mails, what is left open, days left."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from flows.books.ageing import IN_FORCE, ageing
from flows.books.erasing_due import erasing_due
from flows.books.outdated import outdated_runs
from flows.books.publish import in_force
from flows.catalog.quarters import countries_of, quarters_ahead
from flows.home.settings import BillingSettings, Settings
from flows.home.store import Store
from flows.post.outbox import outbox
from flows.review.inbox import not_taken_in, waiting_files
from schemas.counts import count_of
from schemas.periods import month_start

_SENT = ("accepted", "written")


@dataclass(frozen=True)
class Status:
    """One dict for the files and usage, then one per invoice month, newest first."""

    home: dict[str, Any]
    months: list[dict[str, Any]]
    incomplete: ClassVar[bool] = False

    def as_json(self) -> list[dict[str, Any]]:
        return [self.home, *self.months]

    def lines(self) -> list[str]:
        """For the terminal."""
        return _lines(self.home, self.months)


def status(store: Store, settings: Settings, month: str | None, *, today: date) -> Status:
    """Of every invoice month, or only of `month`.

    `today` counts the days left in the sending window. Changes nothing.
    """
    with in_force(store.con):
        months = [
            {"about": "month", **_month(store, settings, each, today)}
            for (each,) in store.rows("select distinct invoice_month from runs order by 1 desc")
            if month in (None, each)
        ]
        return Status({"about": "home", **_home(store, settings, today)}, months)


def _home(store: Store, settings: Settings, today: date) -> dict[str, Any]:
    return {
        "files": dict(store.rows("select state, count(*) from source_files group by state order by state")),
        "not_taken_in": [{"file": it.file, "detail": str(it)} for it in not_taken_in(store, settings)],
        "waiting_files": waiting_files(store, settings),
        "taxes_ahead": quarters_ahead(store.home, countries_of(settings, store), today),
        "rejected_records": int(
            store.rows("select coalesce(sum(rejected), 0) from source_files where state = 'loaded'")[0][0]
        ),
        "suspended_usage": dict(
            store.rows(
                "select u.reason, count(*) from suspended_usage as u join usage_in_force as f "
                "on f.outcome = 'suspended' and f.run_id = u.run_id and f.usage_id = u.usage_id "
                "group by u.reason order by u.reason"
            )
        ),
        "suspended_ageing": ageing(store.con, today, IN_FORCE),
        "erasing_due": erasing_due(store, today),
    }


def _month(store: Store, settings: Settings, month: str, today: date) -> dict[str, Any]:
    documents = Counter(
        "issued" if is_issued else "draft"
        for (is_issued,) in store.rows("select is_issued from documents_in_force where invoice_month = $1", [month])
    )
    mails = outbox(store, month, today).mails
    unsent = {mail.invoice_number for mail in mails if mail.state not in _SENT}
    sent = {mail.invoice_number for mail in mails} - unsent
    runs = store.rows(
        "select run_id, kind, state from run_states "
        "where invoice_month = $1 and state <> 'superseded' order by run_seq",
        [month],
    )
    outdated = outdated_runs(store)
    parked = store.rows(
        "select account_id, code, reason from run_accounts as a join run_states as r using (run_id) "
        "where r.invoice_month = $1 and r.state in ('drafted', 'approved') qualify row_number() over "
        "(partition by account_id order by a.outcome = 'excluded', r.run_seq desc) = 1 and a.outcome = 'parked' "
        "order by account_id",
        [month],
    )
    return {
        "invoice_month": month,
        "runs": [
            {"run_id": run_id, "kind": kind, "state": "void" if run_id in outdated else state}
            for run_id, kind, state in runs
        ],
        "drafts": documents["draft"],
        "issued": documents["issued"],
        "sent": len(sent),
        "unsent": len(unsent),
        "mails": dict(sorted(Counter(mail.state or "queued" for mail in mails).items())),
        "parked": [dict(zip(("account_id", "code", "reason"), row, strict=True)) for row in parked],
        "window": _window(settings.billing, month, today),
    }


def _window(billing: BillingSettings, month: str, today: date) -> dict[str, Any]:
    """The days on which mails go out, and how many are left, today included."""
    opens = month_start(month).replace(day=billing.send_from_day)
    closes = month_start(month).replace(day=billing.send_to_day)
    left = (closes - max(opens, today) + timedelta(days=1)).days
    return {"opens": opens.isoformat(), "closes": closes.isoformat(), "days_left": max(left, 0)}


def _lines(home: dict[str, Any], months: list[dict[str, Any]]) -> list[str]:
    lines = ["Files: " + (_counts(home["files"]) or "none yet")]
    if home["waiting_files"]:
        lines.append(f"In the inbox, not looked at yet: {home['waiting_files']}; `tollbook ingest`")
    lines += [f"Not taken in: {left['detail']}" for left in home["not_taken_in"]]
    lines += [f"Taxes, soon missing: {told}" for told in home["taxes_ahead"]]
    if home["rejected_records"]:
        lines.append(f"Rejected records: {home['rejected_records']}")
    if home["suspended_usage"]:
        lines.append(f"Suspended usage: {_counts(home['suspended_usage'])}")
    lines += [_aged(row) for row in home["suspended_ageing"]]
    lines += [
        f"Due for erasing: {row['account_id']}, left on {row['end_date']}: `{row['act']}`"
        for row in home["erasing_due"]
    ]
    if not months:
        lines.append("No run yet: `tollbook run MONTH` drafts one.")
    for month in months:
        lines += _month_lines(month)
    return lines


def _aged(row: dict[str, Any]) -> str:
    worth = ", ".join(f"{part['amount']:.2f} {part['currency']}" for part in row["estimates"] or [])
    return (
        f"  {row['reason']}, {row['age']} days: {count_of(row['records'], row['feed'].removesuffix('s'))} of "
        + count_of(row["accounts"], "known account")
        + (f", about {worth}" if worth else "")
    )


def _month_lines(month: dict[str, Any]) -> list[str]:
    runs = ", ".join(f"{run['kind']} run {run['run_id']} {run['state']}" for run in month["runs"]) or "no run stands"
    sent = f"{month['sent']} sent, {month['unsent']} not sent"
    lines = [
        f"{month['invoice_month']}: {runs}",
        f"  documents: {month['drafts']} draft, {month['issued']} issued; of these {sent}",
    ]
    if set(month["mails"]) - set(_SENT):
        lines.append(f"  mails: {_counts(month['mails'])}")
    lines += [f"  parked: {account['account_id']}: {account['reason']}" for account in month["parked"]]
    if month["unsent"] or month["drafts"]:
        window = month["window"]
        left = (
            f"{count_of(window['days_left'], 'day')} left"
            if window["days_left"]
            else "closed; `tollbook send --late-reason TEXT`"
        )
        lines.append(f"  mails go out {window['opens']} to {window['closes']}: {left}")
    return lines


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
