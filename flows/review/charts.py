"""The review's drawings: totals month by month, and sections against last month. Widths in SVG units."""

from dataclasses import dataclass
from decimal import Decimal

from flows.review.cells import Rows, worded, written
from schemas.periods import month_start
from templates.chart import Rectangle, Scale, across, tenth, upright

WIDTH, PLOT = 360, 84
_TOP, _FOOT = 18, 20
_GAP = Decimal("0.34")
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_VALUES_ON_ALL = 6
"""So many bars have room for their values; of more only the last two say theirs."""
SECTIONS = 8
_LABEL, _LINE = 128, 30
_ACROSS = 134
"""Room for the bars of sections, between their labels and their values."""


@dataclass(frozen=True)
class Bar(Rectangle):
    """A rectangle with what it stands for: `label` beside it, `value` in short, `told` in full."""

    label: str
    value: str
    told: str
    is_now: bool


@dataclass(frozen=True)
class Drawing:
    """Bars on WIDTH × height; `title` is also what a reader hears. `baseline`: the y of zero under upright bars, the x
    of it beside lying ones."""

    title: str
    bars: list[Bar]
    height: int
    baseline: Decimal
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
    months = sorted(totals)
    bars, zero = upright(
        [totals[each] for each in months], width=WIDTH, height=PLOT, slots=_VALUES_ON_ALL, gap=_GAP, top=_TOP
    )
    drawn = []
    for place, (each, bar) in enumerate(zip(months, bars, strict=True)):
        says = len(months) <= _VALUES_ON_ALL or place >= len(months) - 2
        drawn.append(
            Bar(
                **vars(bar), label=_month_name(each), value=short(totals[each]) if says else "",
                told=f"{each}: {written(totals[each], currency)} {currency}", is_now=each == month,
            )
        )  # fmt: skip
    return Drawing(title, drawn, _TOP + PLOT + _FOOT, zero)


def section_drawings(sections: Rows, *, is_compared: bool) -> list[Drawing]:
    """The largest sections of each currency, this month's bar over last month's, where it is compared."""
    currencies: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
    for row in sections:
        sums = currencies.setdefault(row["currency"], {})
        now, then = sums.get(row["section"], (Decimal(0), Decimal(0)))
        sums[row["section"]] = (now + row["total"], then + row["previous_total"])
    return [_sections(currency, sums, 2 if is_compared else 1) for currency, sums in sorted(currencies.items())]


def _sections(currency: str, sums: dict[str, tuple[Decimal, Decimal]], months: int) -> Drawing:
    largest = sorted(sums.items(), key=lambda item: (-max(map(abs, item[1])), item[0]))[:SECTIONS]
    scale = Scale.of([amount for _, both in largest for amount in both], _ACROSS)
    bars = []
    for index, (section, both) in enumerate(largest):
        for place, amount in enumerate(both[:months]):
            bar = across(amount, scale, left=_LABEL, y=index * _LINE + 6 + place * 11, height=10 - place * 3)
            bars.append(
                Bar(
                    **vars(bar),
                    label="" if place else worded(section),
                    value="" if place else written(amount, currency),
                    told=f"{worded(section)}, {'last month' if place else 'this month'}: "
                    f"{written(amount, currency)} {currency}",
                    is_now=not place,
                )
            )
    return Drawing(currency, bars, len(largest) * _LINE + 6, tenth(_LABEL + scale.below))


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
