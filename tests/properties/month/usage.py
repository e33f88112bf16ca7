"""What becomes of each call and message (RULES 4, 9, 11, 15 to 17): outcome, owner, category, rate, units, amount."""

from datetime import UTC, date, datetime
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.properties.month.days import DAY, FOREVER, end_of, shift
from tests.properties.month.facts import Account, Row, Rows, text
from tests.properties.month.shelf import Shelf, by_prefix, in_force


class Record(NamedTuple):
    """A usage record and what became of it. outcome: rated, or why not."""

    id: str
    kind: str
    outcome: str
    account: str = ""
    started_at: datetime = datetime.min.replace(tzinfo=UTC)
    month: str = ""
    category: str = ""
    country: str = ""
    group: str = ""
    units: int = 0
    price: Fraction = Fraction(0)
    per: int = 1
    fee: Fraction = Fraction(0)
    row: dict[str, Any] | None = None


class Directory:
    """Who owns which number and extension at an instant."""

    def __init__(self, rows: Rows, accounts: dict[str, Account]) -> None:
        self.accounts = accounts
        self.numbers: dict[str, list[tuple[datetime, datetime, Row]]] = {}
        self.extensions: dict[tuple[str, str], list[tuple[datetime, datetime, Row]]] = {}
        for row in rows["numbers"]:
            self.numbers.setdefault(text(row, "number"), []).append(self._there(row))
        for row in (*rows["devices"], *rows["numbers"]):
            self.extensions.setdefault((text(row, "account_id"), text(row, "extension")), []).append(self._there(row))
        for versions in (*self.numbers.values(), *self.extensions.values()):
            versions.sort(key=lambda version: version[0])
            for n, (start, end, row) in enumerate(versions[:-1]):
                later = [v for v in versions[n + 1 :] if _id(v[2]) == _id(row)]
                versions[n] = (start, min([end, *(v[0] for v in later)]), row)

    def _there(self, row: Row) -> tuple[datetime, datetime, Row]:
        zone = self.zone(text(row, "account_id"))
        return _instant(text(row, "active_from"), zone, False), _instant(text(row, "active_to"), zone, True), row

    def zone(self, account: str) -> ZoneInfo:
        return ZoneInfo(text(self.accounts[account].versions[0], "time_zone"))

    def number(self, number: str, at: datetime) -> Row | None:
        return next((row for start, end, row in self.numbers.get(number, []) if start <= at < end), None)

    def extension(self, account: str, extension: str, at: datetime) -> Row | None:
        """What has rung longest on an extension of an account, a device or a number."""
        there = [version for version in self.extensions.get((account, extension), []) if version[0] <= at < version[1]]
        if not there:
            return None
        since = {_id(row): start for start, _, row in reversed(self.extensions[account, extension])}
        return min(there, key=lambda version: (since[_id(version[2])], version[1], text(version[2], "billing_group")))[
            2
        ]


def _id(row: Row) -> str:
    return text(row, "device_id") or text(row, "number")


def _instant(value: str, zone: ZoneInfo, is_last: bool) -> datetime:
    """A day's beginning, or for a last day the beginning of the next; an instant as it stands."""
    if not value:
        return datetime.combine(FOREVER, datetime.min.time(), UTC)
    if "T" in value:
        return datetime.fromisoformat(value)
    start = date.fromisoformat(value) + (DAY if is_last else DAY * 0)
    return datetime(start.year, start.month, start.day, tzinfo=zone)


def records(shelf: Shelf, rows: Rows, directory: Directory, invoice_month: str) -> list[Record]:
    """Every loaded record with its outcome, as the invoice of a month finds it."""
    found = []
    for feed, kind, id_column, at in (
        ("calls", "voice", "call_id", "started_at"),
        ("messages", "sms", "message_id", "sent_at"),
    ):
        variants: dict[str, list[Row]] = {}
        for row in rows[feed]:
            of_id = variants.setdefault(text(row, id_column), [])
            if row not in of_id:
                of_id.append(row)
        for id_, of_id in sorted(variants.items()):
            if len(of_id) > 1:
                found += [Record(id_, kind, "conflict") for _ in of_id]
            else:
                record = Record(id_, kind, "", started_at=datetime.fromisoformat(of_id[0][at]), row=of_id[0])
                found.append(_settled(shelf, directory, record, invoice_month))
    return found


def _settled(shelf: Shelf, directory: Directory, record: Record, invoice_month: str) -> Record:
    row = record.row or {}
    if record.kind == "voice" and (int(row["duration_s"]) == 0 or text(row, "disposition") not in ("", "ANSWERED")):
        return record._replace(outcome="unanswered")
    near = text(row, "to_number" if row["direction"] == "inbound" else "from_number")
    number = directory.number(near, record.started_at)
    stated = text(row, "account_id")
    extension = text(row, "extension") or (near if not near.startswith("+") else "")
    device = directory.extension(stated, extension, record.started_at) if stated and extension else None
    owner = text(number, "account_id") if number is not None else ""
    if stated and owner != stated and device is None:
        return record._replace(outcome="owner_conflict")
    owner = stated or owner
    if not owner:
        return record._replace(outcome="no_owner")
    return _of_account(shelf, directory, record._replace(account=owner), number, device, invoice_month)


def _of_account(
    shelf: Shelf, directory: Directory, record: Record, number: Row | None, device: Row | None, invoice_month: str
) -> Record:
    account = directory.accounts[record.account]
    local = record.started_at.astimezone(directory.zone(account.id)).date()
    record = record._replace(month=f"{local:%Y-%m}")
    is_over = account.ends < FOREVER and local >= end_of(f"{account.ends - DAY:%Y-%m}")
    for outcome, there in (
        ("before_billing_start", local < account.starts),
        ("account_closed", is_over),
        ("month_open", record.month >= invoice_month),
        ("before_first_invoice_month", record.month < shift(shelf.first_month, -1)),
    ):
        if there:
            return record._replace(outcome=outcome)
    mine = number if number is not None and number["account_id"] == account.id else device
    record = record._replace(group=text(mine, "billing_group") if mine is not None else "", outcome="rated")
    plan = shelf.plans[text(account.on(local), "plan")]
    record = (
        record._replace(category="sms")
        if record.kind == "sms"
        else _category(shelf, directory, plan, record, number, local)
    )
    return _measured(shelf, record, plan["usage"].get(record.category), local)


def _measured(shelf: Shelf, record: Record, rule: dict[str, Any] | None, local: date) -> Record:
    """Units and price by the plan's rule for its category."""
    if rule is None:
        return record._replace(outcome="no_rule")
    row = record.row or {}
    seconds = int(row["duration_s"]) if record.kind == "voice" else int(row["credits"])
    if rule.get("free"):
        return record._replace(units=seconds)
    rate = _rate(shelf, rule, record, local)
    if rate is None:
        return record._replace(outcome="no_rate")
    price, per, increment, minimum, fee = rate
    units = ceil(Fraction(max(seconds, minimum), increment)) * increment
    return record._replace(units=units, price=price, per=per, fee=fee)


def _category(
    shelf: Shelf, directory: Directory, plan: dict[str, Any], record: Record, number: Row | None, local: date
) -> Record:
    row = record.row or {}
    far = text(row, "from_number" if row["direction"] == "inbound" else "to_number")
    if row["direction"] == "inbound":
        is_free = number is not None and number["number_type"] == "toll_free" and number["account_id"] == record.account
        return record._replace(category="toll_free" if is_free else "inbound")
    if row["direction"] == "internal" or directory.extension(record.account, far, record.started_at) is not None:
        return record._replace(category="internal")
    country = by_prefix(shelf.countries, far.removeprefix("+")) or ""
    record = record._replace(country=country)
    if country not in plan["domestic"]:
        return record._replace(category="international")
    rule = plan["usage"]["domestic"]
    row_of = _deck_row(shelf, rule["deck"], far, local) if "deck" in rule else None
    is_premium = row_of is not None and row_of.is_premium and "premium" in plan["usage"]
    return record._replace(category="premium" if is_premium else "domestic")


def _deck_row(shelf: Shelf, deck: str, far: str, local: date) -> Any:
    rates = {
        prefix: rate
        for prefix, dated in shelf.decks[deck].items()
        for rate in dated
        if rate.since <= local < rate.until
    }
    return by_prefix(rates, far.removeprefix("+"))


def _rate(
    shelf: Shelf, rule: dict[str, Any], record: Record, local: date
) -> tuple[Fraction, int, int, int, Fraction] | None:
    """price, per, increment, minimum, connect fee."""
    if "rate" in rule:
        own = rule["rate"]
        step = 60 if record.kind == "voice" else 1
        return (
            Fraction(in_force(own["price"], local)),
            int(own.get("per", step)),
            int(own.get("increment", 1 if record.kind == "sms" else 60)),
            int(own.get("minimum", 0)),
            Fraction(in_force(own.get("connect_fee", "0"), local)),
        )
    row = _deck_row(shelf, rule["deck"], text(record.row or {}, "to_number"), local)
    return None if row is None else (row.price, row.per, row.increment, row.minimum, row.fee)
