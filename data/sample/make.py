"""Makes the sample's usage: rewrites inbox/calls and inbox/messages from the master data beside them.

    python -m data.sample.make

The same files come out every time: the draws are made from the account and the month, so a
change to one account leaves the others as they are. Numbers are from ranges set aside for fiction, or cannot exist.
"""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from data.sample import planted
from data.sample.draws import Draws
from schemas.periods import add_months, days, month_start, next_day

FOLDER = Path(__file__).parent
MONTHS = ("2026-04", "2026-05")
CALL_COLUMNS = (
    "source", "call_id", "started_at", "answered_at", "direction", "from_number", "to_number",
    "duration_s", "disposition", "account_id", "extension",
)  # fmt: skip
MESSAGE_COLUMNS = (
    "source", "message_id", "sent_at", "direction", "from_number", "to_number", "channel", "credits", "text",
)  # fmt: skip
SECONDS = ((4, 59), (60, 240), (60, 240), (120, 480), (480, 1500))
"""Lengths of calls, in seconds: one range is drawn, then a length in it."""

Row = dict[str, str]


@dataclass(frozen=True)
class Habits:
    """How an account calls: records a month of each kind, and where it calls abroad. # stands for any digit."""

    switch: str
    outbound: int
    internal: int = 0
    inbound: int = 0
    toll_free: int = 0
    abroad: int = 0
    premium: int = 0
    messages: int = 0
    countries: tuple[str, ...] = ()


AT_HOME = {
    "US": ("+121255501##", "+161755501##", "+141555501##", "+131255501##", "+140455501##", "+141655501##"),
    "CA": ("+141655501##", "+151455501##", "+160455501##", "+190255501##", "+121255501##"),
    "GB": ("+4420794601##", "+4416149601##", "+4477009001##"),
    "IE": ("+3532091001##", "+3532091234##", "+3538500000##"),
    "DE": ("+4930231251##", "+4969900091##", "+4922147101##", "+49176040690##"),
    "FR": ("+331990001##", "+332619101##", "+336399801##"),
    "AU": ("+612555001##", "+613701001##", "+61491570156", "+61491570157", "+61491570158"),
}
ABROAD = {
    "GB": ("+4420794601##", "+4477009001##"),
    "IE": ("+3532091001##", "+3538500000##"),
    "DE": ("+4969900091##", "+49176040690##"),
    "FR": ("+331990001##", "+336399801##"),
    "AU": ("+613701001##", "+61491570156", "+61491570157", "+61491570158"),
    "US": ("+121255501##", "+141555501##"),
    "SE": ("+464062804##", "+4670174061#"),
    "MX": ("+5255000001##",),
    "IN": ("+9111000000##",),
    "JM": ("+187655501##",),
}
PREMIUM = {"US": "+178755501##", "CA": "+178755501##", "GB": "+4490987901##"}

HABITS = {
    "US-1001": Habits("na", 70, 14, 25, 16, 12, 3, 105, ("GB", "MX", "DE", "JM")),
    "US-1003": Habits("na", 26, 6, 10, 8, 3, 0, 24, ("GB", "MX")),
    "US-1004": Habits("na", 40, 10, 14, 12, 5, 1, 20, ("MX", "DE")),
    "US-1005": Habits("na", 70, 0, 6, 0, 20, 0, 0, ("GB", "IN")),
    "US-1006": Habits("na", 30, 3, 6, 0, 2, 1, 12, ("GB",)),
    "US-1007": Habits("na", 24, 5, 10, 0, 4, 0, 12, ("FR", "AU")),
    "US-1008": Habits("na", 34, 4, 12, 0, 2, 1, 70, ("GB",)),
    "US-1010": Habits("na", 36, 6, 8, 0, 3, 0, 16, ("DE", "SE")),
    "US-1012": Habits("na", 24, 3, 8, 0, 1, 1, 10, ("DE",)),
    "US-1015": Habits("na", 14, 2, 6, 0, 2, 0, 8, ("IN",)),
    "CA-2001": Habits("na", 56, 8, 14, 0, 8, 1, 60, ("FR",)),
    "CA-2002": Habits("na", 44, 6, 12, 10, 4, 1, 44, ("GB", "IE")),
    "CA-2003": Habits("na", 34, 3, 8, 0, 3, 0, 20, ("GB", "JM")),
    "CA-2005": Habits("na", 30, 3, 8, 0, 1, 0, 12, ("DE",)),
    "CA-2006": Habits("na", 26, 2, 8, 0, 1, 0, 8, ("AU",)),
    "CA-2007": Habits("na", 22, 2, 6, 0, 2, 0, 46, ("FR",)),
    "GB-3001": Habits("eu", 80, 8, 12, 10, 8, 2, 0, ("FR", "US", "IE")),
    "GB-3002": Habits("eu", 16, 0, 6, 0, 2, 0, 0, ("AU",)),
    "IE-4001": Habits("eu", 52, 4, 10, 0, 6, 0, 0, ("GB", "US")),
    "IE-4002": Habits("eu", 90, 10, 14, 0, 10, 0, 0, ("SE", "GB", "IE")),
    "DE-5001": Habits("eu", 80, 10, 14, 0, 8, 0, 0, ("FR", "US")),
    "FR-6001": Habits("eu", 66, 6, 10, 0, 6, 0, 0, ("DE", "GB")),
    "AU-7001": Habits("au", 54, 5, 10, 0, 5, 0, 0, ("GB", "FR")),
    "AU-7002": Habits("au", 44, 3, 10, 10, 2, 0, 0, ("IE",)),
}
"""Accounts that are not here are quiet. DE-5002 has its own switch (planted.py)."""


def rows_of(feed: str) -> list[Row]:
    """The rows of a feed of master data, as text."""
    with (FOLDER / "inbox" / feed / f"{feed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Customer:
    """What the generator knows of an account: its first row, its numbers and its extensions."""

    account: Row
    numbers: list[Row]
    extensions: list[str]

    def caller(self, draws: Draws, number_type: str = "standard") -> str:
        """One of the account's numbers of that kind; ported ones are left to planted.py."""
        mine = [n["number"] for n in self.numbers if n["number_type"] == number_type and "T" not in n["active_to"]]
        return draws.one([n for n in mine if n != planted.PORTED])

    def window(self, month: str) -> tuple[date, date]:
        """The days [start, end) of the month in which the customer calls: from the signature to the last day."""
        start, end = month_start(month), add_months(month_start(month), 1)
        signed = date.fromisoformat(self.account["service_start_date"])
        left = self.account["end_date"]
        return max(start, signed), min(end, next_day(date.fromisoformat(left)) if left else end)


def customers() -> dict[str, Customer]:
    """Every account by its id."""
    accounts = {row["account_id"]: row for row in reversed(rows_of("accounts"))}
    numbers, devices = rows_of("numbers"), rows_of("devices")
    return {
        key: Customer(
            row,
            [n for n in numbers if n["account_id"] == key],
            _first_extensions([d for d in devices if d["account_id"] == key and d["extension"]]),
        )
        for key, row in accounts.items()
    }


def _first_extensions(devices: list[Row]) -> list[str]:
    """The extensions an account has had from the start: those added later make no calls of their own."""
    start = min((d["active_from"] for d in devices), default="")
    return sorted({d["extension"] for d in devices if d["active_from"] == start})


def number(draws: Draws, pattern: str) -> str:
    """A number of a pattern: every # a digit."""
    return "".join(str(draws.below(10)) if c == "#" else c for c in pattern)


def instant(draws: Draws, customer: Customer, month: str) -> datetime:
    """A second of the working day, on any day the customer is there."""
    start, end = customer.window(month)
    day = start + timedelta(days=draws.below(days(start, end)))
    second = 8 * 3600 + draws.below(10 * 3600)
    zone = ZoneInfo(customer.account["time_zone"])
    return datetime(day.year, day.month, day.day, second // 3600, second // 60 % 60, second % 60, tzinfo=zone)


def calls_of(customer: Customer, habits: Habits, month: str) -> list[Row]:
    """A month of calls of one account."""
    draws = Draws(f"calls {customer.account['account_id']} {month}")
    country = customer.account["country"]
    kinds = ["outbound"] * habits.outbound + ["internal"] * habits.internal + ["inbound"] * habits.inbound
    kinds += ["toll_free"] * habits.toll_free + ["abroad"] * habits.abroad + ["premium"] * habits.premium
    calls = []
    for count, kind in enumerate(kinds):
        start = instant(draws, customer, month)
        low, high = draws.one(SECONDS)
        answered = draws.below(12) > 0
        ends = _ends(draws, customer, habits, country, kind)
        calls.append(
            {
                "source": f"switch-{habits.switch}",
                "call_id": f"{customer.account['account_id']}-{month}-{count:04d}",
                "started_at": start.isoformat(),
                "answered_at": (start + timedelta(seconds=draws.between(2, 15))).isoformat() if answered else "",
                "duration_s": str(draws.between(low, high)) if answered else "0",
                "disposition": "ANSWERED" if answered else "NO ANSWER",
                **ends,
            }
        )
    return calls


def _ends(draws: Draws, customer: Customer, habits: Habits, country: str, kind: str) -> Row:
    """Direction and both ends of a call."""
    if kind == "internal":
        caller, called = draws.two(customer.extensions)
        account = customer.account["account_id"]
        ends = {"from_number": caller, "to_number": called, "account_id": account, "extension": caller}
        return {"direction": "internal", **ends}
    at_home = number(draws, draws.one(AT_HOME[country]))
    extension = {"account_id": "", "extension": draws.one(customer.extensions)}
    if kind in ("inbound", "toll_free"):
        own = customer.caller(draws, "standard" if kind == "inbound" else "toll_free")
        return {"direction": "inbound", "from_number": at_home, "to_number": own, **extension}
    called = at_home
    if kind == "abroad":
        called = number(draws, draws.one(ABROAD[draws.one(habits.countries)]))
    elif kind == "premium":
        called = number(draws, PREMIUM[country])
    return {"direction": "outbound", "from_number": customer.caller(draws), "to_number": called, **extension}


def messages_of(customer: Customer, habits: Habits, month: str) -> list[Row]:
    """A month of SMS and MMS of one account: sent and received, one to three credits each."""
    draws = Draws(f"messages {customer.account['account_id']} {month}")
    messages = []
    for count in range(habits.messages):
        sent = instant(draws, customer, month)
        outbound = draws.below(3) > 0
        own = customer.caller(draws)
        other = number(draws, draws.one(AT_HOME[customer.account["country"]]))
        is_mms = draws.below(12) == 0
        messages.append(
            {
                "source": "gateway-na",
                "message_id": f"{customer.account['account_id']}-{month}-{count:04d}",
                "sent_at": sent.isoformat(),
                "direction": "outbound" if outbound else "inbound",
                "from_number": own if outbound else other,
                "to_number": other if outbound else own,
                "channel": "mms" if is_mms else "sms",
                "credits": "3" if is_mms else draws.one(("1", "1", "1", "2")),
                "text": "",
            }
        )
    return messages


def usage_files() -> dict[str, str]:
    """The whole usage: path below inbox/ -> content."""
    everyone = customers()
    files: dict[str, str] = {"calls/pbx_berlin/Master.csv": planted.asterisk_log(MONTHS)}
    for month in MONTHS:
        active = [
            (everyone[key], habits)
            for key, habits in HABITS.items()
            if everyone[key].window(month)[0] < everyone[key].window(month)[1]
        ]
        for switch in ("na", "eu", "au"):
            calls = [c for customer, h in active if h.switch == switch for c in calls_of(customer, h, month)]
            calls += planted.calls(switch, month)
            calls.sort(key=lambda c: (datetime.fromisoformat(c["started_at"]), c["call_id"]))
            files[f"calls/{switch}-{month}.csv"] = _csv(CALL_COLUMNS, calls + planted.broken_calls(switch, month))
            if (switch, month) == ("na", "2026-05"):
                files["calls/na-2026-06-01-sent-again.csv"] = _csv(CALL_COLUMNS, planted.sent_again(calls))
        messages = [m for customer, h in active for m in messages_of(customer, h, month)] + planted.messages(month)
        messages.sort(key=lambda m: (datetime.fromisoformat(m["sent_at"]), m["message_id"]))
        files[f"messages/na-{month}.csv"] = _csv(MESSAGE_COLUMNS, messages)
    return files


def _csv(columns: tuple[str, ...], rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main() -> None:
    """Writes the files."""
    for name, content in usage_files().items():
        path = FOLDER / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
