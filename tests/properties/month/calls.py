"""What an invented account calls and writes in the month before each of its invoice months; odd records among it."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.properties.month.customers import Customer
from tests.properties.month.days import months_after
from tests.properties.month.places import ABROAD


def call_about(customer: Customer, calls: int) -> None:
    """Usage of both months, each in its own file, and a little of the first that comes with the second."""
    for n in range(2 * calls):
        is_second, is_late = n >= calls, n >= calls and customer.chance(6)
        month = customer.first_invoice if is_second and not is_late else customer.before
        _record(customer, f"u-{customer.n}-{n}", month, is_second)


def _record(customer: Customer, id_: str, month: date, late: bool) -> None:
    draws, home = customer.draws, customer.home
    numbers = [
        row
        for row in customer.files[0]["numbers"]
        if row["account_id"] == customer.id and row["number_type"] == "standard"
    ]
    own = str(draws.one(numbers)["number"])
    at = _instant(customer, month)
    kinds = ["outbound"] * 5 + ["abroad"] * 2 + ["inbound", "internal", "odd"]
    kinds += ["premium"] if home.premium else []
    kinds += ["toll_free"] * 2 if home.toll_free else []
    kinds += ["sms"] * 3 if home.seller in ("corvane-us", "corvane-ca") and customer.plan != "us_reseller" else []
    kind = draws.one(kinds)
    if kind == "sms":
        ends = [own, _digits(customer, draws.one(home.calls))]
        sent = draws.below(3) > 0
        customer.give(
            "messages", late, account_id="", message_id=id_, sent_at=at, channel="sms", credits=draws.between(1, 40),
            direction="outbound" if sent else "inbound", from_number=ends[not sent], to_number=ends[sent],
        )  # fmt: skip
        return
    call = {
        "account_id": "",
        "call_id": id_,
        "started_at": at,
        "duration_s": draws.between(1, 3600),
        "disposition": "ANSWERED",
    }
    far = _digits(
        customer, draws.one(ABROAD if kind == "abroad" else [home.premium] if kind == "premium" else home.calls)
    )
    if kind in ("inbound", "toll_free"):
        call |= {
            "direction": "inbound",
            "from_number": far,
            "to_number": customer.toll_free if kind == "toll_free" else own,
        }
    elif kind == "internal":
        call |= {
            "direction": "internal",
            "from_number": "101",
            "to_number": "102",
            "extension": "101",
            "account_id": customer.id,
        }
    else:
        call |= {"direction": "outbound", "from_number": own, "to_number": far}
    if kind == "odd":
        call |= draws.one(
            ({"disposition": "NO ANSWER"}, {"duration_s": 0}, {"from_number": "+12025550100"}, {"twice": 1})
        )
    again = call.pop("twice", None)
    customer.give("calls", late, **call)
    if again:
        customer.give("calls", late, **call, **({"extension": "101"} if draws.below(2) else {}))


def _instant(customer: Customer, month: date) -> datetime:
    """Some second of the month by the customer's clock, often near its edges."""
    draws = customer.draws
    last = months_after(month, 1) - timedelta(days=1)
    day = draws.one((month, last, *(month + timedelta(days=draws.below(28)) for _ in range(6))))
    second = draws.one((draws.below(60), 86399 - draws.below(60), draws.below(86400), draws.below(86400)))
    clock = time(second // 3600, second // 60 % 60, second % 60)
    return datetime.combine(day, clock, ZoneInfo(customer.home.zone))


def _digits(customer: Customer, pattern: str) -> str:
    return "".join(str(customer.draws.below(10)) if sign == "#" else sign for sign in pattern)
