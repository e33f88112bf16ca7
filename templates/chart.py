"""Geometry of bar charts: amounts as bars over or beside a line of zero, in SVG user units.

The documents' chart of monthly totals is here; the review draws its own by the same (flows/review/charts.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 516, 54
MOST_BARS = 12
FEWEST_SLOTS = 8
_GAP = Decimal("0.42")


@dataclass(frozen=True)
class Scale:
    """`length` units hold zero, the highest of the amounts and the lowest."""

    highest: Decimal
    lowest: Decimal
    length: int

    @classmethod
    def of(cls, amounts: Sequence[Decimal], length: int) -> "Scale":
        return cls(max(Decimal(0), *amounts), min(Decimal(0), *amounts), length)

    def size(self, amount: Decimal) -> Decimal:
        """How long an amount is, whatever its sign."""
        return self.length * abs(amount) / ((self.highest - self.lowest) or Decimal(1))

    @property
    def above(self) -> Decimal:
        """What lies on the positive side of zero."""
        return self.size(self.highest)

    @property
    def below(self) -> Decimal:
        return self.size(self.lowest)


@dataclass(frozen=True)
class Rectangle:
    """A bar, from the top left of the drawing. One unit at least, so that something is seen of every amount."""

    x: Decimal
    y: Decimal
    width: Decimal
    height: Decimal


def upright(
    amounts: Sequence[Decimal], *, width: int, height: int, slots: int, gap: Decimal, top: int = 0
) -> tuple[list[Rectangle], Decimal]:
    """Bars side by side in so many slots at least, `gap` of each left free, and the y of zero; credits hang below."""
    scale = Scale.of(amounts, height)
    slot = Decimal(width) / max(slots, len(amounts))
    baseline = top + scale.above
    bars = [
        Rectangle(
            x=tenth(slot * place + slot * gap / 2),
            y=tenth(baseline - scale.size(amount) if amount > 0 else baseline),
            width=tenth(slot * (1 - gap)),
            height=tenth(max(scale.size(amount), Decimal(1))),
        )
        for place, amount in enumerate(amounts)
    ]
    return bars, tenth(baseline)


def across(amount: Decimal, scale: Scale, *, left: int, y: int, height: int) -> Rectangle:
    """A lying bar; credits lie to the left of zero."""
    zero, long = left + scale.below, max(scale.size(amount), Decimal(1))
    return Rectangle(tenth(zero - long if amount < 0 else zero), Decimal(y), tenth(long), Decimal(height))


def tenth(length: Decimal) -> Decimal:
    """As finely as anybody sees."""
    return length.quantize(Decimal("0.1"))


@dataclass(frozen=True)
class Bar(Rectangle):
    """A bar of a document's chart; `middle` is the x that its label and its value stand at."""

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
    """(label, printed value, total) of up to MOST_BARS months, oldest first, the last one being the document's own."""
    totals = [total for _, _, total in points]
    bars, baseline = upright(totals, width=WIDTH, height=HEIGHT, slots=FEWEST_SLOTS, gap=_GAP)
    slot = Decimal(WIDTH) / max(FEWEST_SLOTS, len(points))
    drawn = [
        Bar(
            **vars(bar), middle=tenth(slot * place + slot / 2), label=label, value=value,
            is_current=place == len(points) - 1,
        )
        for place, (bar, (label, value, _)) in enumerate(zip(bars, points, strict=True))
    ]  # fmt: skip
    return Chart(title, drawn, baseline)
