"""Geometry of the review's drawings: totals month by month, and sections against last month. Widths in SVG units."""

from dataclasses import dataclass
from decimal import Decimal

from flows.review.cells import Rows, worded, written
from schemas.periods import month_start

WIDTH, PLOT = 360, 84
_TOP, _FOOT = 18, 20
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_VALUES_ON_ALL = 6
"""So many bars have room for their values; of more only the last two say theirs."""
SECTIONS = 8
_LABEL, _LINE = 128, 30
_BAR_END = 262


@dataclass(frozen=True)
class Bar:
    """A rectangle with what it stands for: `label` beside it, `value` in short, `told` in full."""

    x: Decimal
    y: Decimal
    width: Decimal
    height: Decimal
    label: str
    value: str
    told: str
    is_now: bool


@dataclass(frozen=True)
class Drawing:
    """Bars on WIDTH × height; `title` is also what a reader hears."""

    title: str
    bars: list[Bar]
    height: int
    baseline: Decimal = Decimal(0)
    width: int = WIDTH


def month_drawings(history: Rows, names: dict[str, str], month: str) -> list[Drawing]:
    """Totals of a seller and currency over the months, for each that has more than one month."""
    series: dict[tuple[str, str], dict[str, Decimal]] = {}
    for row in history:
        series.setdefault((row["seller_id"], row["currency"]), {})[row["invoice_month"]] = row["total"]
    return [
        _months(f"{names.get(seller, seller)}, {currency}", totals, currency, month)
        for (seller, currency), totals in series.items()
        if len(totals) > 1
    ]


def _months(title: str, totals: dict[str, Decimal], currency: str, month: str) -> Drawing:
    highest, lowest = max(Decimal(0), *totals.values()), min(Decimal(0), *totals.values())
    unit = PLOT / ((highest - lowest) or Decimal(1))
    slot = Decimal(WIDTH) / max(_VALUES_ON_ALL, len(totals))
    baseline = _TOP + highest * unit
    bars = []
    for index, (each, total) in enumerate(sorted(totals.items())):
        height = max(abs(total) * unit, Decimal(1))
        says = len(totals) <= _VALUES_ON_ALL or index >= len(totals) - 2
        bars.append(
            Bar(
                x=_tenth(slot * index + slot / 6), y=_tenth(baseline - height if total > 0 else baseline),
                width=_tenth(slot * 2 / 3), height=_tenth(height), label=_month_name(each),
                value=short(total) if says else "", told=f"{each}: {written(total, currency)} {currency}",
                is_now=each == month,
            )
        )  # fmt: skip
    return Drawing(title, bars, _TOP + PLOT + _FOOT, _tenth(baseline))


def section_drawings(sections: Rows) -> list[Drawing]:
    """The largest sections of each currency, this month's bar over last month's."""
    currencies: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
    for row in sections:
        sums = currencies.setdefault(row["currency"], {})
        now, then = sums.get(row["section"], (Decimal(0), Decimal(0)))
        sums[row["section"]] = (now + row["total"], then + row["previous_total"])
    return [_sections(currency, sums) for currency, sums in sorted(currencies.items())]


def _sections(currency: str, sums: dict[str, tuple[Decimal, Decimal]]) -> Drawing:
    largest = sorted(sums.items(), key=lambda item: (-max(map(abs, item[1])), item[0]))[:SECTIONS]
    longest = max(max(map(abs, both)) for _, both in largest) or Decimal(1)
    unit = Decimal(_BAR_END - _LABEL) / longest
    bars = []
    for index, (section, both) in enumerate(largest):
        for place, amount in enumerate(both):
            bars.append(
                Bar(
                    x=Decimal(_LABEL), y=Decimal(index * _LINE + 6 + place * 11),
                    width=_tenth(max(abs(amount) * unit, Decimal(1))), height=Decimal(10 - place * 3),
                    label="" if place else worded(section), value="" if place else written(amount, currency),
                    told=f"{worded(section)}, {'last month' if place else 'this month'}: "
                    f"{written(amount, currency)} {currency}",
                    is_now=not place,
                )
            )  # fmt: skip
    return Drawing(currency, bars, len(largest) * _LINE + 6)


def short(amount: Decimal) -> str:
    """An amount as a bar has room for: 540, 5,022, 24k, 1.2m."""
    size = abs(amount)
    if size < 10_000:
        return written(amount, "JPY")
    part, letter = (amount / 1_000_000, "m") if size >= 999_500 else (amount / 1_000, "k")
    digits = 1 if abs(part) < 10 else 0
    return f"{part:,.{digits}f}{letter}".replace("-", "−")


def _month_name(month: str) -> str:
    first = month_start(month)
    return f"{_NAMES[first.month - 1]} {first.year % 100:02d}" if first.month == 1 else _NAMES[first.month - 1]


def _tenth(length: Decimal) -> Decimal:
    return length.quantize(Decimal("0.1"))
