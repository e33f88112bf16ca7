"""Sends what is issued and unsent, once, on the days the settings allow (RULES 2; CONTRACT, section 3).

A mail found in `sending` was cut off by a kill and is `unknown`: it may have arrived, so only a person's word
(`resend_unknown`) sends it again. Without [smtp] mails are written as .eml files.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.books.ledger import balance_mails
from flows.home import audit, progress
from flows.home.settings import Settings
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from flows.post import outbox
from flows.post.confirmations import confirmation, confirmations, file_name, note_confirmations
from flows.post.outbox import Mail, Step
from flows.post.papers import Paper, papers_of
from flows.post.smtp import Mailer, Outcome, Unreachable
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.periods import month_start
from templates.mail import mail_bytes

_DONE = ("accepted", "written")
_IN_DOUBT = ("sending", "unknown")
READ_AT_ONCE = 200
"""Mails whose documents are read from the books at a time."""
_GIVE_UP_AFTER = 3
"""Failed connections in a row after which the rest waits for the next `send`."""


@dataclass
class SendReport:
    """What a `send` did: mails by state, and a line for everything a person must know. No addresses."""

    month: str
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    written_to: str | None = None

    @property
    def incomplete(self) -> bool:
        """Whether a mail is left unsent: exit code 3."""
        return any(count for state, count in self.counts.items() if state not in _DONE)

    def lines(self) -> list[str]:
        """For the terminal: the sum, then the notes."""
        summary = ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items())) or "no mail"
        where = f" (in {self.written_to})" if self.written_to else ""
        return [f"{self.month}: {summary}{where}", *self.notes]

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {"invoice_month": self.month, "mails": dict(sorted(self.counts.items())), "notes": self.notes}

    def tell(self, mail: Mail, outcome: Outcome) -> None:
        """Counts a mail; one that is left unsent, or went out changed, gets a line."""
        self.counts[outcome.state] += 1
        if outcome.state not in _DONE or (outcome.state == "accepted" and outcome.detail):
            detail = re.sub(r"<?[^\s<>]+@[^\s<>]+>?", "(address)", outcome.detail)
            self.notes.append(f"{mail}: {outcome.state}: {detail}")


def send(
    store: Store,
    settings: Settings,
    month: str,
    *,
    today: date | None,
    now: datetime,
    by: str,
    late_reason: str | None = None,
    resend_unknown: bool = False,
) -> SendReport:
    """E-mails the issued, unsent documents of invoice month `month`, and confirms the cancellations that it is the
    first to know; `now` carries a zone.

    Raises NothingToDo when nothing is issued or everything is sent; Refused when the window of every seller
    concerned is closed and no `late_reason` is given. One seller's closed window leaves the others' mails going.
    """
    day = today or now.date()
    found = outbox.outbox(store, month, day, resend=resend_unknown)
    if not found.mails:
        raise NothingToDo(f"{month}: no document is issued, so there is nothing to send (`tollbook approve {month}`)")
    confirming = confirmations(store, month, day)
    mails = [*found.mails, *confirming.mails]
    in_doubt = [mail for mail in mails if mail.state in _IN_DOUBT and not _lies_there(store, settings, month, mail)]
    due = [mail for mail in mails if mail not in in_doubt and mail.state not in _DONE]
    due += in_doubt if resend_unknown else []
    if not due and not in_doubt and not found.left_behind:
        raise NothingToDo(f"{month}: every mail is sent")
    balance_mails(store, month, "nothing was sent")
    report = SendReport(month, notes=confirming.notes())
    window = _Window(settings, month, today, now)
    ready = window.open_for(due, late_reason, report)
    senders = {seller: settings.sellers[seller].email for seller in settings.sellers}
    step = Step(month, by, late_reason if window.overridden else None, now, senders)
    for mail in found.left_behind:
        outbox.record(store, mail, step, "replaced", "the account has another address now")
    for mail in in_doubt:
        if mail.state == "sending":
            outbox.record(store, mail, step, "unknown", "the program ended while this mail was being sent")
        if not resend_unknown:
            report.tell(mail, Outcome("unknown", "it may have arrived; --resend-unknown sends it again"))
    # Known before the first goes: a document with a mail still to come never counts as sent.
    new = [mail for mail in ready if mail.state is None]
    note_confirmations(store, new)
    outbox.queue(store, new, step)
    with progress.stage("mail", len(ready), "mails") as tick:
        _Batch(store, settings, step, window.today_of, report, tick).deliver(ready)
    balance_mails(store, month, "look at view deliveries")
    audit.record(store, "send", month, by, now, step.late_reason, report.lines()[0])
    store.checkpoint()
    return report


def _lies_there(store: Store, settings: Settings, month: str, mail: Mail) -> bool:
    """A mail that a kill cut off without a server, and whose file is there: written again it is the same file."""
    return settings.smtp is None and mail.state == "sending" and _eml(store, month, mail).exists()


def _eml(store: Store, month: str, mail: Mail) -> Path:
    return store.home.out(month) / "mail" / file_name(mail)


class _Window:
    """The days on which mails go out. A seller's own date decides, unless `today` stands for it."""

    def __init__(self, settings: Settings, month: str, today: date | None, now: datetime) -> None:
        self._month = month
        self._first = month_start(month).replace(day=settings.billing.send_from_day)
        self._last = month_start(month).replace(day=settings.billing.send_to_day)
        self._sellers = settings.sellers
        self._today = today
        self._now = now
        self.overridden = False

    def today_of(self, seller: str) -> date:
        """The date a mail of `seller` carries."""
        if self._today is not None:
            return self._today
        if seller not in self._sellers:
            raise WrongUsage(f"tollbook.toml: no [sellers.{seller}], but documents of it are issued")
        return self._now.astimezone(ZoneInfo(self._sellers[seller].time_zone)).date()

    def open_for(self, due: list[Mail], late_reason: str | None, report: SendReport) -> list[Mail]:
        """The mails that may go now; the others are counted as waiting. Raises Refused when none may."""
        days = {seller: self.today_of(seller) for seller in sorted({mail.seller_id for mail in due})}
        closed = [seller for seller, day in days.items() if not self._first <= day <= self._last]
        self.overridden = bool(closed and late_reason)
        if not closed or self.overridden:
            return due
        on = {day: [seller for seller in closed if days[seller] == day] for day in sorted({days[s] for s in closed})}
        today = ", ".join(f"{day} for {', '.join(sellers)}" for day, sellers in on.items())
        sentence = (
            f"{self._month}: mails go out from {self._first} to {self._last}; today is {today}. "
            "To send all the same, give --late-reason TEXT"
        )
        if len(closed) == len(days):
            raise Refused(sentence)
        report.notes.append(sentence)
        report.counts["waiting"] += sum(mail.seller_id in closed for mail in due)
        return [mail for mail in due if mail.seller_id not in closed]


class _Batch:
    """One `send`: what its steps share."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        step: Step,
        today_of: Callable[[str], date],
        report: SendReport,
        tick: Callable[[int], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._smtp = settings.smtp
        self._step = step
        self._today_of = today_of
        self._report = report
        self._tick = tick
        self._papers: dict[str, Paper] = {}

    def deliver(self, due: list[Mail]) -> None:
        """One by one; a mail that cannot go leaves the others going."""
        if self._smtp is None:
            folder = self._store.home.out(self._step.month) / "mail"
            self._report.written_to = self._store.home.relative(folder)
            for mail in self._with_papers(due):
                self._ended(mail, self._written(mail))
            return
        with Mailer(self._smtp) as mailer:
            failures = 0
            for position, mail in enumerate(self._with_papers(due), start=1):
                try:
                    self._ended(mail, self._posted(mail, mailer))
                    failures = 0
                except Unreachable as error:
                    self._ended(mail, Outcome("queued", str(error)))
                    failures += 1
                    if error.for_good or failures == _GIVE_UP_AFTER:
                        self._leave(len(due) - position)
                        break

    def _with_papers(self, due: list[Mail]) -> Iterator[Mail]:
        """The mails; what each carries is read before the first of some goes, and held no longer than for these."""
        for first in range(0, len(due), READ_AT_ONCE):
            some = due[first : first + READ_AT_ONCE]
            self._papers = papers_of(self._store, {mail.invoice_number for mail in some if mail.invoice_number})
            yield from some

    def _leave(self, left: int) -> None:
        if left:
            self._report.counts["queued"] += left
            self._report.notes.append(f"{left} more left in the queue: send again when the server is well")

    def _ended(self, mail: Mail, outcome: Outcome) -> None:
        outbox.record(self._store, mail, self._step, outcome.state, outcome.detail or None)
        self._report.tell(mail, outcome)
        self._tick(1)

    def _message(self, mail: Mail, *, with_csv: bool) -> EmailMessage:
        # The day first: it says when a seller has left the settings.
        day = self._today_of(mail.seller_id)
        if mail.cancellation is not None:
            return confirmation(self._store, self._settings, mail, day)
        assert mail.invoice_number is not None, "what confirms no cancellation carries a document"
        paper = self._papers[mail.invoice_number]
        return outbox.message(self._store.home, mail, paper, self._sender(mail), day, with_csv)

    def _sender(self, mail: Mail) -> str:
        if (sender := self._step.senders.get(mail.seller_id)) is None:
            raise Refused(f"tollbook.toml: no [sellers.{mail.seller_id}], whose mail this is")
        return sender

    def _written(self, mail: Mail) -> Outcome:
        """Without a server: an .eml file. Written again after a kill, it is the same file."""
        try:
            message = self._message(mail, with_csv=True)
        except Refused as error:
            return Outcome("refused", str(error))
        target = _eml(self._store, self._step.month, mail)
        first = partial(outbox.journaled, self._store, mail, is_recorded=False)
        write_atomic(target, mail_bytes(message), at_last=first)
        return Outcome("written", self._store.home.relative(target))

    def _posted(self, mail: Mail, mailer: Mailer) -> Outcome:
        """Over SMTP; the itemised CSV is left out where the mail is too big with it."""
        mailer.connect()
        outcome = Outcome("refused", "too big")
        for with_csv in (True, False):
            try:
                message = self._message(mail, with_csv=with_csv)
            except Refused as error:
                return Outcome("refused", str(error))
            content = mail_bytes(message)
            if len(content) > mailer.size_limit():
                outcome = Outcome("refused", "larger than max_size_mb or the server allows", too_big=True)
                continue
            outbox.record(self._store, mail, self._step, "sending")
            outbox.journaled(self._store, mail, is_recorded=True)
            outcome = mailer.send(message, content, self._sender(mail), mail.recipient)
            if not outcome.too_big:
                break
        if outcome.state == "accepted" and not with_csv:
            return Outcome("accepted", "sent without the itemised CSV: too big with it")
        return outcome
