"""What one call costs under a rate of a plan: the whole call model of the check language (CONTRACT, section 5).

Sizes of time are units: seconds of a call, credits of a message. They may have up to 6 decimals.
"""

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from schemas.dated import DatedExact, Exact, Model
from schemas.limits import ROUNDING_DIGITS_LIMIT, UNITS_LIMIT, RoundingMode

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
DAYS: tuple[Day, ...] = get_args(Day)
"""A weekday is its place here, as in the calendar; the last is not a weekday."""

MIDNIGHT_S = 24 * 60 * 60


def _units(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    if not 0 <= value < UNITS_LIMIT or (isinstance(exponent, int) and value % Decimal("0.000001") != 0):
        raise ValueError(f"found {value}; expected at least 0, below {UNITS_LIMIT}, with at most 6 decimals")
    return value


def _clock(value: Any) -> Any:
    """'18:00' to seconds after midnight. YAML reads a bare 18:00 as the number 1080, so a number is not guessed at."""
    match = re.fullmatch(r"(\d\d):(\d\d)(?::(\d\d))?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'found {value!r}; expected a quoted time of day, such as "18:00" or "24:00"')
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    time = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or time > MIDNIGHT_S:
        raise ValueError(f"found {value!r}; expected a time from 00:00 to 24:00")
    return time


Units = Annotated[Exact, AfterValidator(_units)]
Lot = Annotated[Units, Field(gt=0)]
"""So many units at once: what a price is for, what is charged whole."""
ClockTime = Annotated[
    int, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d(:\d\d)?$"})
]


class Step(Model):
    """From unit `from` of a call on: `price` for `per` units, in whole `increment`s."""

    from_: Units = Field(Decimal(0), alias="from", examples=["60"])
    """First unit of the call that it prices."""
    price: DatedExact = Field(examples=["0.02"])
    """Of `per` units; may be dated."""
    per: Lot = Field(Decimal(60), examples=["60"])
    """Units that the price is for: 60 where they are seconds, 1 where they are credits."""
    increment: Lot = Field(Decimal(1), examples=["6"])
    """Whole lots that are charged."""

    def of_credits(self) -> "Step":
        """The same for messages: a price that does not say for how many is that of one credit (RULES 12)."""
        return self if "per" in self.model_fields_set else self.model_copy(update={"per": Decimal(1)})


def _from_zero_upwards(steps: list[Step]) -> list[Step]:
    starts = [step.from_ for step in steps]
    if starts and (starts[0] != 0 or any(a >= b for a, b in pairwise(starts))):
        raise ValueError(f"found steps from {', '.join(map(str, starts))}; expected the first from 0 and each later")
    return steps


Steps = Annotated[list[Step], AfterValidator(_from_zero_upwards)]


class Band(Model):
    """The steps for part of the week: on `days`, from `from` to `to` (exclusive) by the account's clock.

    On a holiday the bands that name `holiday` come first; hours they leave open are priced as the weekday.
    """

    days: list[Day] = Field(default_factory=lambda: list(DAYS[:7]), examples=[["mon", "tue"]])
    """Days of the week, or holiday."""
    from_: ClockTime = Field(0, alias="from", examples=["08:00"])
    """Where it begins by the account's clock."""
    to: ClockTime = Field(MIDNIGHT_S, examples=["18:00"])
    """Where it ends, itself not included."""
    connect_fee: DatedExact | None = Field(None, examples=["0.05"])
    """For calls that start in this band; without it the rate's own."""
    steps: Steps = Field(min_length=1, examples=[[{"price": "0.02"}]])
    """In rising order."""

    @model_validator(mode="after")
    def _forward(self) -> "Band":
        if self.from_ >= self.to:
            raise ValueError('expected `from` before `to`; a night is two bands, to "24:00" and from "00:00"')
        return self


class Rounding(Model):
    """Each call rounded by itself, before calls are summed; `mode` works on the absolute value."""

    digits: int = Field(6, ge=0, le=ROUNDING_DIGITS_LIMIT, examples=[4])
    """Decimals that a call's amount keeps."""
    mode: RoundingMode = Field("half_up", examples=["half_up"])
    """Which way."""


class Rate(Model):
    """A price of its own for a usage rule: a plain `price`, or `steps`, or `bands` of steps by the clock.

    A call of at most `grace` units costs nothing; others are raised to `minimum`. `max_charge` caps fee and steps
    together, after `rounding`.
    """

    price: DatedExact | None = Field(None, examples=["0.02"])
    """Of `per` units, without steps or bands."""
    per: Lot = Field(Decimal(60), examples=["60"])
    """Units that the price is for: 60 where they are seconds, 1 where they are credits."""
    increment: Lot = Field(Decimal(1), examples=["6"])
    """Whole lots that are charged."""
    steps: Steps = Field(default_factory=list, examples=[[{"price": "0.02"}]])
    """Prices by the length of the call."""
    bands: list[Band] = Field(default_factory=list, examples=[[{"days": ["sat", "sun"], "steps": [{"price": "0.01"}]}]])
    """Steps by the clock."""
    connect_fee: DatedExact = Field(default_factory=lambda: {date.min: Decimal(0)}, examples=["0.05"])
    """Once for each call."""
    minimum: Units = Field(Decimal(0), examples=["30"])
    """Least units that are charged."""
    grace: Units = Field(Decimal(0), examples=["3"])
    """A call up to so many units costs nothing."""
    rounding: Rounding | None = Field(None, examples=[{"digits": 4}])
    """Of each call by itself."""
    max_charge: DatedExact | None = Field(None, examples=["5.00"])
    """The most that one call costs."""
    holidays: list[date] | None = Field(None, examples=[["2026-12-25"]])
    """Local dates; without them the plan's."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Rate":
        if (self.price is not None) + bool(self.steps) + bool(self.bands) != 1:
            raise ValueError("expected exactly one of price, steps, bands")
        if self.price is None and self.model_fields_set & {"per", "increment"}:
            raise ValueError("per and increment stand in the steps")
        for day in DAYS:
            for before, after in pairwise(self._on(day)):
                if after.from_ < before.to:
                    raise ValueError(f"two bands price {day} {clock_text(after.from_)}")
        return self

    def own_steps(self) -> list[Step]:
        """The steps of a rate without bands; a plain price is one step from 0."""
        if self.price is None:
            return self.steps
        return [Step(price=self.price, per=self.per, increment=self.increment)]

    def of_credits(self) -> "Rate":
        """The same for messages: a price that does not say for how many is that of one credit (RULES 12)."""
        if self.price is not None and "per" not in self.model_fields_set:
            return self.model_copy(update={"per": Decimal(1)})
        return self.model_copy(update={"steps": [step.of_credits() for step in self.steps]})

    def uncovered(self) -> list[str]:
        """Hours of the week that no band prices; none for a rate without bands. A holiday falls back on its weekday."""
        gaps = []
        for day in DAYS[:7] if self.bands else ():
            edges = [0, *(edge for band in self._on(day) for edge in (band.from_, band.to)), MIDNIGHT_S]
            for end, start in zip(edges[::2], edges[1::2], strict=True):
                if end < start:
                    gaps.append(f"{day} {clock_text(end)} to {clock_text(start)}")
        return gaps

    def _on(self, day: Day) -> list[Band]:
        return sorted((band for band in self.bands if day in band.days), key=lambda band: band.from_)


def clock_text(seconds: int) -> str:
    """64800 -> '18:00'."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours:02d}:{minutes:02d}" + (f":{seconds:02d}" if seconds else "")
