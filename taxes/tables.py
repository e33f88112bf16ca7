"""Tax tables: the law as dated data, one YAML file per tax and jurisdiction (data/reference/taxes/README.md).

A table says what a tax is called, where it reaches, on which base and date it is computed, its rate from each date
on, and where the rate was read. `load_tables` checks every file and names the key that is wrong.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from schemas.dated import in_force
from schemas.errors import WrongUsage

TaxCode = Literal[
    "USF",
    "RRF",
    "SLRRF",
    "E911",
    "SALES",
    "COMMUNICATIONS",
    "GST",
    "HST",
    "PST",
    "RST",
    "QST",
    "CA_FEDERAL_FEE",
    "CA_PROVINCIAL_FEE",
    "CA_911",
    "VAT",
]
TAX_CODES: tuple[str, ...] = get_args(TaxCode)
"""CONTRACT, section 4; also the order in which rows of one kind are printed."""

NEVER_A_TAX = frozenset({"USF", "RRF", "SLRRF", "CA_FEDERAL_FEE", "CA_PROVINCIAL_FEE"})
"""What the provider recovers for itself; calling it a government's tax is forbidden (RULES 23)."""


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("expected a date written YYYY-MM-DD, such as 2025-04-01")


def _percent(value: Any) -> Decimal:
    if isinstance(value, (int, float)):
        raise ValueError(f'expected a quoted number: "{value}"')
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,3}(\.\d{1,12})?", value):
        raise ValueError('expected a quoted percentage such as "9.975", or null for: not known from here on')
    return Decimal(value)


def _optional_percent(value: Any) -> Decimal | None:
    return None if value is None else _percent(value)


def _in_english(value: Any) -> Any:
    if not isinstance(value, dict) or not value.get("en"):
        raise ValueError("expected a translation en (fr and de beside it)")
    return value


Day = Annotated[date, BeforeValidator(_day)]
Percent = Annotated[Decimal, BeforeValidator(_percent)]
DatedPercent = dict[Day, Annotated[Decimal | None, BeforeValidator(_optional_percent)]]
Language = Annotated[str, Field(pattern="^(en|fr|de)$")]
Translations = Annotated[dict[Language, str], BeforeValidator(_in_english)]
Region = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")]
DateBasis = Literal["invoice_date", "tax_point", "period_start", "period_end"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reference(_Part):
    """Where a value was read: the source's own title and the day it was read."""

    title: str = Field(min_length=1)
    read: Day
    supports: list[Day] = Field(default_factory=list)
    """The valid-from dates it vouches for; empty: all of them."""


class Base(_Part):
    """What the percentage is taken of: the whole line, or its interstate telecommunications part."""

    share: Literal["full", "interstate"]
    tax_classes: Literal["all"] | list[str]


class TaxTable(_Part):
    """One tax in one jurisdiction. Percentages are per hundred; dates are first days."""

    file: str
    code: TaxCode
    kind: Literal["tax", "recovery_fee"]
    name: Translations
    text: Translations
    jurisdiction: str = Field(pattern=r"^[A-Z]{2}(-(\*|[A-Z0-9]{1,3}))?$")
    """`CA`, `CA-QC`, or `CA-*`: a row of its own for each of `regions`."""
    regions: list[Region] | None = None
    """With `CA`: the only regions it reaches; without: the whole country."""
    unit: Literal["percent_of_base"]
    base: Base
    date_basis: DateBasis
    valid_for: Literal["until_changed", "quarter"] = "until_changed"
    values: DatedPercent = Field(min_length=1)
    safe_harbour: dict[Day, Percent] = Field(default_factory=dict)
    """Interstate share of a line that is not measured, in percent."""
    rounding: Literal["half_up", "down"] = "half_up"
    exempt_by: list[Literal["certificate", "vat_id_check"]]
    references: list[Reference]
    status: Literal["sourced", "sample"]

    @model_validator(mode="after")
    def _consistent(self) -> "TaxTable":
        if self.kind == "tax" and self.code in NEVER_A_TAX:
            raise ValueError(f"kind: {self.code} is the provider's own charge; expected recovery_fee")
        if self.jurisdiction.endswith("-*") and not self.regions:
            raise ValueError("regions: expected the list of regions, because the jurisdiction ends in -*")
        if self.regions is not None and "-" in self.jurisdiction.removesuffix("-*"):
            raise ValueError("regions: only a table of a whole country lists regions")
        if (self.base.share == "interstate") != bool(self.safe_harbour):
            raise ValueError("safe_harbour: expected with base.share interstate, and only there")
        if self.status == "sourced" and not self.references:
            raise ValueError("references: expected at least one, because the status is sourced")
        for reference in self.references:
            for day in reference.supports:
                if day not in self.values:
                    raise ValueError(f"references: {day} is not a date of values")
        if self.valid_for == "quarter":
            for day in self.values:
                if day != _quarter_start(day):
                    raise ValueError(f"values.{day}: expected the first day of a quarter, because valid_for is quarter")
        return self

    @property
    def country(self) -> str:
        return self.jurisdiction[:2]

    @property
    def named_regions(self) -> frozenset[str] | None:
        """The regions it reaches; None: the whole country."""
        if self.regions is not None:
            return frozenset(self.regions)
        return frozenset({self.jurisdiction[3:]}) if "-" in self.jurisdiction else None

    def row_jurisdiction(self, place: str) -> str | None:
        """The jurisdiction printed for a line taxed at `place` ('CA-QC', 'DE'); None: not reached."""
        country, _, region = place.partition("-")
        if country != self.country or (self.named_regions is not None and region not in self.named_regions):
            return None
        return place if self.jurisdiction.endswith("-*") else self.jurisdiction

    def covers(self, tax_class: str) -> bool:
        """Whether lines of this tax class are in its base."""
        return self.base.tax_classes == "all" or tax_class in self.base.tax_classes

    def valid_from(self, day: date) -> date | None:
        """The first day of the value in force on `day`. A quarter without a value of its own has none."""
        if self.valid_for == "quarter":
            return _quarter_start(day) if _quarter_start(day) in self.values else None
        return max((d for d in self.values if d <= day), default=None)

    def percent(self, day: date) -> Decimal | None:
        """The rate on `day`; None when the table does not know it."""
        start = self.valid_from(day)
        return None if start is None else self.values[start]

    def safe_harbour_percent(self, day: date) -> Decimal | None:
        """The interstate share of an unmeasured line on `day`."""
        return in_force(self.safe_harbour, day)

    def unknown(self, day: date) -> str:
        """Why there is no rate on `day`, as a reason for parking."""
        if self.valid_for == "quarter":
            return f"{self.code} has no factor for {day.year}Q{(day.month + 2) // 3} (table {self.file})"
        return f"{self.code} has no rate on {day} (table {self.file})"

    def citation(self, day: date) -> str:
        """The sources of the rate on `day`: titles with the day they were read."""
        start = self.valid_from(day)
        return "; ".join(f"{r.title} (read {r.read})" for r in self.references if not r.supports or start in r.supports)


@dataclass(frozen=True)
class TaxTables:
    """Every table of a run, sorted by file name. No two of one code reach the same place."""

    tables: tuple[TaxTable, ...]

    def uncovered(self, place: str) -> str | None:
        """Why a line taxed at `place` cannot be taxed; None when it can. Silence is not a zero rate.

        Some table must reach the place. Where a national tax lists its regions (Canada's GST), the others are taxed
        by tables of their own (HST), so a tax must reach it; a recovery fee alone is not enough.
        """
        country, _, region = place.partition("-")
        own = [t for t in self.tables if t.country == country]
        if not own:
            return f"no tax table for country {country or '(none)'}; check the address or add a table"
        if any(t.kind == "tax" and t.regions is not None for t in own):
            own = [t for t in own if t.kind == "tax"]
        if any(t.row_jurisdiction(place) is not None for t in own):
            return None
        known = sorted({name for t in own for name in t.named_regions or ()})
        return (
            f"no tax table for region {region or '(none)'} of {country}; check the address (known: {', '.join(known)})"
        )


def rate_percent(tables: TaxTables, country: str, region: str | None, tax_code: str, day: date) -> Decimal | None:
    """The rate of a tax at an address on a day, in percent; None when none is in force or known there."""
    place = f"{country}-{region}" if region else country
    for table in tables.tables:
        if table.code == tax_code and table.row_jurisdiction(place) is not None:
            return table.percent(day)
    return None


def load_tables(files: Mapping[str, str]) -> TaxTables:
    """Tables from {relative name: YAML text}. Raises WrongUsage naming every wrong file and key."""
    tables: list[TaxTable] = []
    faults: list[str] = []
    for name in sorted(files):
        try:
            tables.append(TaxTable.model_validate(_read(name, files[name])))
        except ValidationError as error:
            faults += [f"{name}: {_fault(one)}" for one in error.errors()]
        except WrongUsage as error:
            faults.append(str(error))
    if faults:
        raise WrongUsage("\n".join(faults))
    _refuse_overlaps(tables)
    return TaxTables(tuple(tables))


def _quarter_start(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


class _Loader(yaml.SafeLoader):
    """Leaves dates, NO and ON as text (Norway and Ontario are no booleans), keeps bare numbers as numbers."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("int", "float", "null")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key} is given twice", problem_mark=key_node.start_mark
                )
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


def _read(name: str, text: str) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with fewer types
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise WrongUsage(f"{name}{where}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(data, dict):
        raise WrongUsage(f"{name}: expected a map with code, kind, name, values and so on")
    if "file" in data:
        raise WrongUsage(f"{name}: file: unknown key")
    return {**data, "file": name}


def _fault(error: ErrorDetails) -> str:
    """One pydantic error as `key: what is wrong (found …)`."""
    key = ".".join(str(part) for part in error["loc"] if part != "[key]")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key"
    elif error["type"] == "missing":
        return f"{key}: missing"
    elif key == "unit":
        message = "this version bills percent_of_base only"
    found = error.get("input")
    shown = "" if isinstance(found, dict) else f" (found {found!r})"
    return f"{key}: {message}{shown}" if key else message


def _refuse_overlaps(tables: list[TaxTable]) -> None:
    """Two tables of one tax for one place would charge it twice."""
    for index, one in enumerate(tables):
        for other in tables[index + 1 :]:
            if one.code != other.code or one.country != other.country:
                continue
            ours, theirs = one.named_regions, other.named_regions
            if ours is None or theirs is None or ours & theirs:
                raise WrongUsage(
                    f"{other.file}: {other.code} for {other.jurisdiction} is already given by {one.file}; "
                    "override that file by its name, or take the region out of one of them"
                )
