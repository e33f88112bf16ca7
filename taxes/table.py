"""One tax table: what a file under data/reference/taxes says, checked key by key (data/reference/taxes/README.md)."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.dated import in_force, quoted_number
from schemas.law import OWN_FEES
from schemas.money import rounded
from schemas.periods import add_months, quarter_name, quarter_start
from schemas.product import Section
from taxes.exemptions import reason_text

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
    if not isinstance(value, (int, float)) and not re.fullmatch(r"\d{1,3}(\.\d{1,12})?", str(value)):
        raise ValueError('expected a quoted percentage such as "9.975", or null for: not known from here on')
    return quoted_number(value, whole_may_be_bare=False)


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
CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Region = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")]
DateBasis = Literal["invoice_date", "tax_point", "period_start", "period_end"]


class Part(BaseModel):
    """A part of a file, of known keys alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reference(Part):
    """Where a value was read: the source's own title and the day it was read."""

    title: str = Field(min_length=1)
    read: Day
    supports: list[Day] = Field(default_factory=list)
    """The valid-from dates it vouches for; empty: all of them."""
    entered_by: str | None = None
    """Who entered the value, where `tollbook taxes set` wrote it."""


class Base(Part):
    """What is taxed: which lines, what part of them, and which other taxes and fees of the document with them."""

    share: Literal["full", "telecom", "interstate", "intrastate"]
    """The whole line; its telecommunications part; what of that is interstate or international; what is not."""
    tax_classes: Literal["all"] | list[str]
    sections: Literal["all"] | list[Section] = "all"
    except_sections: list[Section] = Field(default_factory=list)
    destinations: Literal["all"] | list[CountryCode] = "all"
    """Far-end countries of usage; lines without a far end are always in."""
    also_on: list[TaxCode] = Field(default_factory=list)
    """Codes whose amounts, as charged on the lines in this base, belong to it: tax on tax, named one by one."""


class TaxTable(Part):
    """One tax in one jurisdiction. Percentages are per hundred; dates are first days."""

    file: str
    code: TaxCode
    kind: Literal["tax", "recovery_fee"]
    name: Translations
    text: Translations
    jurisdiction: str = Field(pattern=r"^[A-Z]{2}(-(\*|[A-Z0-9]{1,3}(-[A-Z0-9]{1,12})?))?$")
    """`CA`, `CA-QC`, `US-IL-CHI` (a local layer), or `CA-*`: a row of its own for each of `regions`."""
    regions: list[Region] | None = None
    """With `CA`: the only regions it reaches; without: the whole country."""
    except_places: list[str] = Field(default_factory=list)
    """Places inside it that have a law of their own: ES-CN, US-IL-CHI (places.csv)."""
    unit: Literal["percent_of_base", "amount_per_line"]
    """With amount_per_line the values are money, charged for every line or number in service on a month's first day."""
    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    base: Base
    date_basis: DateBasis
    valid_for: Literal["until_changed", "quarter"] = "until_changed"
    values: DatedPercent = Field(min_length=1)
    safe_harbour: dict[Day, Percent] = Field(default_factory=dict)
    """Interstate share of a line that is not measured, in percent."""
    rounding: Literal["half_up", "down"] = "half_up"
    exempt_by: list[Literal["certificate", "vat_id_check"]]
    who_is_exempt: str | None = None
    """In plain English, for the reader of the table; `exempt_by` is the proof that the program accepts."""
    references: list[Reference]
    status: Literal["sourced", "sample"]

    @model_validator(mode="after")
    def _consistent(self) -> "TaxTable":
        self._what_it_is()
        self._where_and_when()
        return self

    def _what_it_is(self) -> None:
        if self.kind == "tax" and self.code in OWN_FEES:
            raise ValueError(f"kind: {self.code} is the provider's own charge; expected recovery_fee")
        if (self.base.share in ("interstate", "intrastate")) != bool(self.safe_harbour):
            raise ValueError("safe_harbour: expected with base.share interstate or intrastate, and only there")
        if (self.unit == "amount_per_line") != (self.currency is not None):
            raise ValueError("currency: expected with unit amount_per_line, and only there")
        if self.unit == "amount_per_line" and (self.base.share != "full" or self.base.also_on):
            raise ValueError("base: an amount per line has no share and is on no other charge")
        if self.code in self.base.also_on:
            raise ValueError(f"base.also_on: {self.code} cannot be charged on itself")

    def _where_and_when(self) -> None:
        if self.jurisdiction.endswith("-*") and not self.regions:
            raise ValueError("regions: expected the list of regions, because the jurisdiction ends in -*")
        if self.regions is not None and "-" in self.jurisdiction.removesuffix("-*"):
            raise ValueError("regions: only a table of a whole country lists regions")
        if self.safe_harbour and min(self.safe_harbour) > min(self.values):
            raise ValueError(f"safe_harbour: a gap from {min(self.values)} to {min(self.safe_harbour)}")
        if self.status == "sourced" and not self.references:
            raise ValueError("references: expected at least one, because the status is sourced")
        for reference in self.references:
            for day in reference.supports:
                if day not in self.values:
                    raise ValueError(f"references: {day} is not a date of values")
        if self.valid_for == "quarter":
            for day in self.values:
                if day != quarter_start(day):
                    raise ValueError(f"values.{day}: expected the first day of a quarter, because valid_for is quarter")
            self._no_quarter_missing()

    def _no_quarter_missing(self) -> None:
        day = min(self.values)
        while day < max(self.values):
            day = add_months(day, 3)
            if day not in self.values:
                raise ValueError(f"values: a gap, {quarter_name(day)} is missing; add {day} (null: not known)")

    @property
    def country(self) -> str:
        return self.jurisdiction[:2]

    @property
    def named_regions(self) -> frozenset[str] | None:
        """The regions it reaches; None: the whole country."""
        if self.regions is not None:
            return frozenset(self.regions)
        return frozenset({self.jurisdiction.split("-")[1]}) if "-" in self.jurisdiction else None

    @property
    def is_local(self) -> bool:
        """A layer below a region, charged beside that region's own."""
        return self.jurisdiction.count("-") == 2

    def row_jurisdiction(self, place: str) -> str | None:
        """The jurisdiction printed for a line taxed at `place` ('CA-QC', 'DE', 'US-IL-CHI'); None: not reached."""
        country, _, below = place.partition("-")
        region = below.partition("-")[0]
        if country != self.country or (self.named_regions is not None and region not in self.named_regions):
            return None
        if place in self.except_places or (self.is_local and place != self.jurisdiction):
            return None
        return f"{country}-{region}" if self.jurisdiction.endswith("-*") else self.jurisdiction

    def covers(self, tax_class: str, section: str, far_end: str | None) -> bool:
        """Whether lines of this tax class and section, with calls to this country, are in its base."""
        base = self.base
        return (
            (base.tax_classes == "all" or tax_class in base.tax_classes)
            and (base.sections == "all" or section in base.sections)
            and section not in base.except_sections
            and (base.destinations == "all" or far_end is None or far_end in base.destinations)
        )

    def valid_from(self, day: date) -> date | None:
        """The first day of the value in force on `day`. A quarter without a value of its own has none."""
        if self.valid_for == "quarter":
            return quarter_start(day) if quarter_start(day) in self.values else None
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
            return f"{self.code} has no factor for {quarter_name(day)} (table {self.file})"
        return f"{self.code} has no rate on {day} (table {self.file})"

    def citation(self, day: date) -> str:
        """The sources of the rate on `day`: titles with the day they were read."""
        start = self.valid_from(day)
        return "; ".join(f"{r.title} (read {r.read})" for r in self.references if not r.supports or start in r.supports)

    def status_on(self, day: date) -> str:
        """`sourced` or `sample`, of the rate on `day`."""
        start = self.valid_from(day)
        return "sourced" if start is not None and self.is_sourced(start) else "sample"

    @property
    def also_on(self) -> list[TaxCode]:
        return self.base.also_on

    def amount_of(
        self, row: Mapping[str, Any], _taxable: Decimal, exact: Decimal, _on: tuple[Decimal, Decimal], /
    ) -> tuple[Decimal, str]:
        """What a row comes to, and how it was rounded (taxes.charging.Charging)."""
        return rounded(exact, row["minor_digits"], self.rounding), self.rounding

    def proof(self, row: Mapping[str, Any], /) -> dict[str, Any]:
        """Why nobody pays a row."""
        return {"exempt_reason": reason_text(row["exempt_reason"]), "tax_id_check": row["tax_id_check"]}

    def is_sourced(self, start: date) -> bool:
        """Whether the value from `start` on was read somewhere; else it is a sample."""
        return self.status == "sourced" or any(start in r.supports for r in self.references)
