"""The odd records of the sample, planted on purpose: one of each kind that does not simply become a line.

What each is for stands beside it; where it ends up, the review and the snapshot show.
"""

from datetime import datetime, timedelta

from data.sample.draws import Draws
from schemas.periods import month_start

Row = dict[str, str]

PORTED = "+14155550142"
"""Moves from US-1007 to US-1008 on 12 May 2026 at 14:00, San Francisco time."""

SMS_LONG = (
    "Hello from Harborlight. Your cleaning is booked for Tuesday at 9:15. Please bring the form we sent, "
    "arrive ten minutes early, and answer YES to keep the time or NO to choose another one."
)


# switch, month, id, started_at, direction, from, to, answered seconds, account the switch states (- none)
_CALLS = """
# Begins two minutes before May and ends in it: all of it is April's.
na 2026-04 over-midnight 2026-04-30T23:58:00-04:00 outbound +16175550101 +12125550111 600 -
# Nobody has this number: suspended.
na 2026-05 no-owner 2026-05-06T10:00:00-04:00 outbound +16175550198 +12125550111 125 -
# Norfolk Island is in no deck: suspended, never free.
na 2026-05 no-rate 2026-05-06T10:20:00-04:00 outbound +16175550101 +672300001 340 -
# US-1006 left on 15 May and was served to the end of May; its number rang once more: suspended.
na 2026-05 after-closure 2026-06-01T11:00:00-04:00 outbound +18435550101 +12125550112 200 -
# The switch says US-1002, but the number is US-1003's: suspended.
na 2026-05 wrong-account 2026-05-07T15:30:00-06:00 outbound +13035550101 +12125550113 75 US-1002
# The same id comes again with another length (sent_again): both wait until someone decides.
na 2026-05 two-lengths 2026-05-08T09:05:00-05:00 outbound +13125550101 +14155550120 410 -
# Answered and hung up in the same second: excluded, no connect fee.
na 2026-05 zero-seconds 2026-05-08T09:10:00-05:00 outbound +13125550101 +14155550121 0 -
# A caller who hides his number: inbound and free, taken in all the same.
na 2026-05 anonymous 2026-05-11T16:45:00-04:00 inbound anonymous +16175550102 95 -
# Around the port at 14:00: the first is US-1007's though it lasts past the hour, the second US-1008's.
na 2026-05 port-before 2026-05-12T13:59:30-07:00 outbound +14155550142 +12125550114 300 -
na 2026-05 port-after 2026-05-12T14:00:00-07:00 outbound +14155550142 +12125550115 300 -
# One second abroad: its price has no finite decimal.
eu 2026-05 one-second 2026-05-13T12:00:00+02:00 outbound +498999998120 +46406280450 1 -
"""


def calls(switch: str, month: str) -> list[Row]:
    """The odd calls of one switch and month."""
    specs = (line.split() for line in _CALLS.splitlines() if line and not line.startswith("#"))
    return [_call(spec) for spec in specs if spec[:2] == [switch, month]]


def _call(spec: list[str]) -> Row:
    switch, _, key, start, direction, caller, called, seconds, account = spec
    return {
        "source": f"switch-{switch}",
        "call_id": f"planted-{key}",
        "started_at": start,
        "answered_at": (datetime.fromisoformat(start) + timedelta(seconds=4)).isoformat(),
        "direction": direction,
        "from_number": caller,
        "to_number": called,
        "duration_s": seconds,
        "disposition": "ANSWERED",
        "account_id": "" if account == "-" else account,
        "extension": "",
    }


def broken_calls(switch: str, month: str) -> list[Row]:
    """Two lines that cannot be read: rejected one by one, far below the share that refuses the file."""
    if (switch, month) != ("na", "2026-05"):
        return []
    good = calls("na", "2026-05")[0]
    return [
        {**good, "call_id": "planted-bad-duration", "duration_s": "1m05s"},
        {**good, "call_id": "planted-bad-time", "started_at": "2026-05-32T10:00:00-04:00"},
    ]


def sent_again(month: list[Row]) -> list[Row]:
    """What the switch sent a second time: twelve calls as they were, and one with another length."""
    longer = next(call for call in month if call["call_id"] == "planted-two-lengths")
    return [*month[-12:], {**longer, "duration_s": "470"}]


def messages(month: str) -> list[Row]:
    """Messages of which only the text is known, so that credits are counted; and one to a country without SMS."""
    if month != "2026-05":
        return []
    # key, sent_at, from, to, text
    specs = (
        ("short-text", "2026-05-04T09:00:00-04:00", "+16175550101", "+16175550188", "See you on Tuesday at 9:15."),
        ("long-text", "2026-05-04T09:01:00-04:00", "+16175550101", "+16175550189", SMS_LONG),
        ("emoji", "2026-05-05T09:02:00-04:00", "+15145550101", "+15145550188", "À mardi, 9 h 15 🦷"),
        ("abroad", "2026-05-05T09:03:00-04:00", "+16175550101", "+447700900101", "Greetings from Boston."),
    )
    return [
        {
            "source": "gateway-na",
            "message_id": f"planted-{key}",
            "sent_at": sent,
            "direction": "outbound",
            "from_number": sender,
            "to_number": receiver,
            "channel": "sms",
            "credits": "",
            "text": text,
        }
        for key, sent, sender, receiver, text in specs
    ]


def asterisk_log(months: tuple[str, ...]) -> str:
    """The call log of the bakery's own Asterisk: 18 columns, no header, local time, German dialling habits.

    Text is quoted and whole numbers are not; the answer time of a call nobody took is empty and unquoted.
    """
    draws = Draws("asterisk")
    lines: list[str] = []
    for month in months:
        first = datetime.combine(month_start(month), datetime.min.time())
        # A bakery: from five in the morning to five in the afternoon.
        seconds = [(draws.below(30), draws.between(5 * 3600, 17 * 3600)) for _ in range(45)]
        for day, second in sorted(seconds):
            lines.append(_asterisk_line(draws, first + timedelta(days=day, seconds=second), len(lines)))
    return "".join(f"{line}\n" for line in lines)


_OWN = "03023125120"
_DIALLED = (
    "03023125300", "06990009123", "02214710045", "017604069012", "017604069077", "00447700900112", "0033199000145",
)  # fmt: skip


def _asterisk_line(draws: Draws, start: datetime, count: int) -> str:
    context = draws.one(("from-desk", "from-desk", "from-desk", "from-trunk", "between-desks"))
    desk, other = draws.two(("11", "12", "13"))
    far = draws.one(_DIALLED)
    caller, called = {
        "from-desk": (_OWN, far),
        "from-trunk": (draws.one(_DIALLED[:5]), _OWN),
        "between-desks": (desk, other),
    }[context]
    answered = draws.below(8) > 0
    ring, talk = draws.between(2, 20), draws.between(10, 700) if answered else 0
    answer, end = start + timedelta(seconds=ring), start + timedelta(seconds=ring + talk)
    quoted = [
        "DE-5002", caller, called, context, f'"" <{caller}>', f"PJSIP/{desk}-{count:08x}", f"PJSIP/{other}-{count:08x}",
        "Dial", f"PJSIP/{called},30", str(start), str(answer), str(end),
    ]  # fmt: skip
    cells = ['"' + text.replace('"', '""') + '"' for text in quoted]
    if not answered:
        cells[10] = ""
    disposition = "ANSWERED" if answered else "NO ANSWER"
    cells += [f"{ring + talk}", f"{talk}", f'"{disposition}"', '"DOCUMENTATION"']
    return ",".join([*cells, f'"{start:%Y%m%d%H%M%S}.{count}"', '""'])
