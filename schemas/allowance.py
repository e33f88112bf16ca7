"""Allowances as a plan states them: units a month brings, who shares them, in which order they are used (RULES 11)."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from schemas.dated import DatedInt, Model, Texts

_MOST_UNITS = 10**9


class Allowance(Model):
    """Units a plan includes each usage month; what is not used lapses."""

    name: Texts = Field(examples=[{"en": "Included minutes"}])
    """What documents call it."""
    unit: Literal["minute", "second", "credit"] = Field(examples=["minute"])
    """What is included."""
    units: DatedInt = Field(examples=[1000])
    """How many of it each month; may be dated."""
    per: Literal["account", "resource"] = Field("resource", examples=["account"])
    """Whether the account has them once, or every resource brings them."""
    products: list[str] = Field(default_factory=list, examples=[["seat"]])
    """With per: resource, the products whose active devices, numbers or subscription quantities each bring `units`."""
    devices: Literal["all", "low_usage", "standard"] = Field("all", examples=["low_usage"])
    """Whose allowance it is: `low_usage` for devices with is_low_usage, `standard` for everything else."""
    pool: Literal["account", "billing_group", "device"] = Field("account", examples=["account"])
    """Who shares it. A device is its extension where its product is charged per extension."""
    order: Literal["by_call"] | list[str] = Field("by_call", examples=[["domestic", "international"]])
    """As calls come, or the plan's categories one after the other, and the calls of each as they come."""
    proration: Literal["full", "by_days"] = Field("full", examples=["by_days"])
    """Whether the first month includes all of it, or its share of days, rounded up."""
    day_count: Literal["start_day_free", "half_open"] = Field("start_day_free", examples=["half_open"])
    """How those days are counted."""

    @model_validator(mode="after")
    def _fits(self) -> "Allowance":
        if self.per == "account" and self.pool != "account":
            raise ValueError(f"pool: {self.pool} needs per: resource; per: account gives one sum to the whole account")
        if self.devices == "low_usage" and self.per == "account":
            raise ValueError("devices: low_usage needs per: resource, so that each low-usage device brings its units")
        if not all(0 <= units <= _MOST_UNITS for units in self.units.values()):
            raise ValueError(f"units: expected 0 to {_MOST_UNITS}")
        if isinstance(self.order, list) and len(set(self.order)) != len(self.order):
            raise ValueError("order names a category twice")
        return self

    @property
    def needs_device(self) -> bool:
        """Whether a call draws on it by the device it was made from."""
        return self.pool == "device" or self.devices != "all"


def allowance_id(plan: str, code: str) -> str:
    """What usage names an allowance by. Read it, join by it, never cut it apart: a plan's name may hold a colon."""
    return f"{plan}:{code}"


def ranks(lists: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Allowance -> its turn: every list draws on its allowances in rising turns, the first of all being 0.

    So allowances may be used up turn by turn, and every call finds what calls before it have left. Raises ValueError
    where two lists say the opposite of each other.
    """
    before: dict[str, set[str]] = {}
    for listed in lists:
        for name in listed:
            before.setdefault(name, set())
        for first, then in pairwise(listed):
            before[then].add(first)
    turns: dict[str, int] = {}
    try:
        for name in TopologicalSorter(before).static_order():
            turns[name] = 1 + max((turns[earlier] for earlier in before[name]), default=-1)
    except CycleError as error:
        raise ValueError(f"rules use {' and '.join(sorted(set(error.args[1])))} in opposite orders") from None
    return turns
