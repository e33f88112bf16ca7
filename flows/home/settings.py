"""`tollbook.toml`: sellers, billing rules, sources, decks, SMTP, run settings; and where things lie in a home."""

import json
import os
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from flows.home.file_settings import DeckSettings, FeedSettings, SourceSettings, Table, Zone
from schemas.dated import in_force
from schemas.document import Bank, Registration, Seller
from schemas.errors import WrongUsage
from schemas.periods import month_start
from schemas.reading import fault_text


def _month(month: str) -> str:
    month_start(month)
    return month


Month = Annotated[str, AfterValidator(_month)]


class SellerSettings(Table):
    """[sellers.<id>]: a legal entity, its zone, its number series and how it is paid."""

    name: str
    brand: str | None = None
    address_lines: list[str]
    country: str = Field(pattern="^[A-Z]{2}$")
    region: str | None = None
    time_zone: Zone
    email: str
    phone: str | None = None
    website: str | None = None
    payment_url: str | None = None
    tax_id: str | None = None
    registrations: list[Registration] = Field(default_factory=list)
    bank: Bank | None = None
    series: str = Field(pattern="^[A-Z0-9]{1,8}$")
    payment_terms_days: int = Field(30, ge=0)
    dispute_days: int | None = Field(None, ge=0)
    vat_established_in: list[str] = Field(default_factory=list)
    usf_method: dict[date, Literal["safe_harbour", "measured"]] = Field(default_factory=dict)
    """First day of a quarter -> how mixed service counts as interstate from then on; without it, as products say."""

    late_usage: Literal["next_invoice", "correction"] = "next_invoice"
    """Usage of a month that is issued already: on the next invoice by itself, or kept until `tollbook correct`."""
    write_off_after_days: int | None = Field(None, ge=0)
    """Late usage that is more days older than the 1st of the invoice month is rated, listed and never billed."""
    correction_style: Literal["replacement", "adjustment"] = "replacement"
    """What `tollbook correct` drafts: a credit note of the whole document and a new one in its place, or one document
    of the lines that differ."""

    @model_validator(mode="after")
    def _method_of_a_quarter(self) -> "SellerSettings":
        for day in self.usf_method:
            if day.day != 1 or day.month not in (1, 4, 7, 10):
                raise ValueError(f"usf_method: found {day}; expected the first day of a quarter, such as 2026-07-01")
        return self

    def usf_method_on(self, day: date) -> str | None:
        return in_force(self.usf_method, day)

    def as_printed(self, seller_id: str) -> Seller:
        """The seller as documents store it."""
        fields = set(Seller.model_fields) - {"seller_id"}
        return Seller(seller_id=seller_id, **self.model_dump(include=fields))


class TaxEngineSettings(Table):
    """[tax_engine]: another program computes the taxes of some sellers, by files (data/reference/taxes/README.md)."""

    sellers: list[str]
    """Whose documents it taxes; the others' are taxed here."""
    folder: str = "tax_engine"
    """Below the home: requests are written here, answers are looked for here."""
    command: list[str] = Field(default_factory=list)
    """Started with the folder of the request as last argument; without it somebody else brings the answer."""
    timeout_s: int = Field(600, gt=0)


class SmtpSettings(Table):
    """[smtp]: the server that takes the mails. The password may come from $TOLLBOOK_SMTP__PASSWORD instead."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    timeout_s: int = Field(30, gt=0)
    max_size_mb: int = Field(20, gt=0)


class BillingSettings(Table):
    """[billing]: the rules that are the operator's to choose."""

    first_invoice_month: Month
    """Earlier months were billed by another system."""
    first_invoice_cutoff_day: int = Field(5, ge=1, le=28)
    lookback_months: int = Field(3, ge=0, le=24)
    approver_may_be_runner: bool = False
    max_reject_percent: int = Field(5, ge=0, le=100)
    """A file with a larger share of bad lines is refused whole."""
    max_reject_lines: int = Field(10, ge=0)
    """So few bad lines refuse no file, whatever their share, unless they are more than half of it."""
    send_from_day: int = Field(1, ge=1, le=28)
    send_to_day: int = Field(5, ge=1, le=28)


class BoundsSettings(Table):
    """[bounds]: what is so far from its history that nobody issues it unseen. 0 switches a bound off."""

    invoice_factor: Decimal = Field(Decimal(5), ge=0)
    """A document over so many times the median of its account's last six months, or under that part of it, …"""
    invoice_months: int = Field(3, ge=1, le=6)
    """… when there are so many earlier months …"""
    invoice_floor: Decimal = Field(Decimal(100), ge=0)
    """… and it is more than this away, in its currency."""
    total_percent: int = Field(50, ge=0)
    """A seller's total so far from last month's, …"""
    documents_percent: int = Field(50, ge=0)
    """… or the number of its documents, …"""
    documents_floor: int = Field(20, ge=1)
    """… when both months have so many documents."""
    usage_records: int = Field(100, ge=0)
    """An account with so many rated records in the month before, and none in this one."""
    max_call_hours: int = Field(12, ge=0)
    """A call longer than this: its end was lost, or its duration is in another unit."""


class ReviewSettings(Table):
    """[review]: what people see of usage that is not billed yet."""

    mask_numbers: bool = False
    """Whether the last four digits of telephone numbers are hidden, in the review and in the view suspended_usage."""


class RunSettings(Table):
    """[run]: how much machine a run may use."""

    memory_limit_mb: int = Field(4096, ge=256)
    """Of the whole process while it takes in and rates usage, however much there is: two fifths are the
    database's, and usage is read in pieces that fit into the rest."""
    render_processes: int = Field(2, ge=1, le=64)


class Settings(Table):
    """The whole of tollbook.toml; secrets may come from the environment (TOLLBOOK_SMTP__PASSWORD)."""

    billing: BillingSettings
    sellers: dict[str, SellerSettings]
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    feeds: dict[str, FeedSettings] = Field(default_factory=dict)
    decks: dict[str, DeckSettings] = Field(default_factory=dict)
    smtp: SmtpSettings | None = None
    tax_engine: TaxEngineSettings | None = None
    run: RunSettings = Field(default_factory=RunSettings)
    bounds: BoundsSettings = Field(default_factory=BoundsSettings)
    review: ReviewSettings = Field(default_factory=ReviewSettings)

    @model_validator(mode="after")
    def _engine_of_known_sellers(self) -> "Settings":
        for seller in self.tax_engine.sellers if self.tax_engine else ():
            if seller not in self.sellers:
                raise ValueError(f"tax_engine.sellers: unknown {seller!r}; there are {', '.join(self.sellers)}")
        return self

    @model_validator(mode="after")
    def _own_series(self) -> "Settings":
        """A number names one document: no two sellers share a series, nor one's series another's credit notes."""
        owners: dict[str, str] = {}
        for seller_id, seller in self.sellers.items():
            for series in (seller.series, f"{seller.series}CN"):
                if series in owners:
                    raise ValueError(f"sellers {owners[series]} and {seller_id} would both number {series}")
                owners[series] = seller_id
        return self


@dataclass(frozen=True)
class Home:
    """One folder per billing operation (CONTRACT, section 2): where everything lies."""

    root: Path
    former_catalog: Path | None = None
    """Where the catalogue of an earlier moment lies, for corrections with what a run knew."""

    @property
    def settings_file(self) -> Path:
        return self.root / "tollbook.toml"

    @property
    def catalog(self) -> Path:
        return self.former_catalog or self.root / "catalog"

    @property
    def rates(self) -> Path:
        return self.catalog / "rates"

    @property
    def taxes(self) -> Path:
        return self.catalog / "taxes"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def database(self) -> Path:
        return self.root / "tollbook.duckdb"

    @property
    def write_ahead_log(self) -> Path:
        """What is committed and not yet folded into the database."""
        return self.database.with_name(f"{self.database.name}.wal")

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def published(self) -> Path:
        return self.root / "published" / "tollbook.duckdb"

    def out(self, month: str) -> Path:
        return self.root / "out" / month

    def relative(self, path: Path) -> str:
        """`path` as messages and tables name it: below the home when it is there."""
        path = path.resolve()
        root = self.root.resolve()
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def load_settings(home: Home) -> Settings:
    """Reads and checks tollbook.toml. Raises WrongUsage naming file and key."""
    try:
        data = tomllib.loads(home.settings_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WrongUsage(
            f"{home.root} holds no tollbook.toml, so it is no home. "
            "Make one with `tollbook init DIR`, or name one with --home."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongUsage(f"tollbook.toml: {error}") from None
    try:
        return Settings(**_with_environment(data))
    except ValidationError as error:
        raise WrongUsage("\n".join(f"tollbook.toml: {fault_text(one)}" for one in error.errors())) from None


def _with_environment(data: dict[str, Any]) -> dict[str, Any]:
    """What the file says, and where it is silent $TOLLBOOK_TABLE__KEY: secrets need not lie in the home."""
    for name, value in os.environ.items():
        *tables, key = name.lower().removeprefix("tollbook_").split("__")
        if not name.lower().startswith("tollbook_") or not tables or tables[0] not in Settings.model_fields:
            continue
        place: Any = data
        for table in tables:
            place = place.setdefault(table, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.setdefault(key, value)
    return data


def as_known(settings: Settings, file: Path) -> Settings:
    """`settings` with what an earlier run was billed by: billing rules, sellers, decks."""
    then = json.loads(file.read_text(encoding="utf-8"))
    parts = {name: then[name] for name in ("billing", "sellers", "decks")}
    legs = {name: source.model_copy(update={"leg": then.get("billed_legs", {}).get(name)})
            for name, source in settings.sources.items()}  # fmt: skip
    rest = settings.model_dump(exclude={*parts, "sources"}, exclude_unset=True)
    return Settings(**{**rest, **parts, "sources": {name: source.model_dump() for name, source in legs.items()}})
