"""Geometry of the bar chart: totals of up to twelve months, the last one being the document's own."""

from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 516, 54
MOST_BARS = 12
FEWEST_SLOTS = 8
_GAP = Decimal("0.42")


@dataclass(frozen=True)
class Bar:
    """One bar, in SVG user units from the top left of the plot."""

    x: Decimal
    y: Decimal
    width: Decimal
    height: Decimal
    middle: Decimal
    label: str
    value: str
    is_current: bool


@dataclass(frozen=True)
class Chart:
    """A drawing of WIDTH × HEIGHT; `title` is what a reader hears, `baseline` the y of zero."""

    title: str
    bars: list[Bar]
    baseline: Decimal
    width: int = WIDTH
    height: int = HEIGHT


def bar_chart(title: str, points: list[tuple[str, str, Decimal]]) -> Chart:
    """(label, printed value, total) per month, oldest first. Credits hang below the baseline."""
    highest = max(Decimal(0), *(total for _, _, total in points))
    lowest = min(Decimal(0), *(total for _, _, total in points))
    span = (highest - lowest) or Decimal(1)
    slot = Decimal(WIDTH) / max(FEWEST_SLOTS, len(points))
    width = slot * (1 - _GAP)
    baseline = HEIGHT * highest / span
    drawn = []
    for index, (label, value, total) in enumerate(points):
        height = HEIGHT * abs(total) / span
        left = slot * index + slot * _GAP / 2
        drawn.append(
            Bar(
                x=_tenth(left),
                y=_tenth(baseline - height if total > 0 else baseline),
                width=_tenth(width),
                height=_tenth(max(height, Decimal(1))),
                middle=_tenth(left + width / 2),
                label=label,
                value=value,
                is_current=index == len(points) - 1,
            )
        )
    return Chart(title, drawn, _tenth(baseline))


def _tenth(length: Decimal) -> Decimal:
    return length.quantize(Decimal("0.1"))
