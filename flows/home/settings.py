"""`tollbook.toml`: sellers, billing rules, sources, decks, SMTP, run settings; and where things lie in a home."""

import json
import os
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from flows.home.engine_settings import EngineSettings
from flows.home.file_settings import DeckSettings, FeedSettings, InboxSettings, SourceSettings, Table
from flows.home.mail_settings import SmtpSettings
from flows.home.seller_settings import SellerSettings
from flows.home.serve_settings import ServeSettings
from flows.home.toml_lines import line_of
from schemas.errors import WrongUsage
from schemas.known_keys import meant
from schemas.periods import month_start
from schemas.reading import fault_text


def _month(month: str) -> str:
    month_start(month)
    return month


Month = Annotated[str, AfterValidator(_month)]


class TaxEngineSettings(Table):
    """[tax_engine]: another program computes the taxes of some sellers, by files (data/reference/taxes/README.md)."""

    sellers: list[str] = Field(examples=[["main"]])
    """Whose documents it taxes; the others' are taxed here."""
    folder: str = Field("tax_engine", examples=["tax_engine"])
    """Below the home: requests are written here, answers are looked for here."""
    command: list[str] = Field(default_factory=list, examples=[["/opt/our-tax/bridge"]])
    """Started with the folder of the request as last argument; without it somebody else brings the answer."""
    timeout_s: int = Field(600, gt=0, examples=[600])
    """How long its answer may take, in seconds."""


class BillingSettings(Table):
    """[billing]: the rules that are the operator's to choose."""

    first_invoice_month: Month = Field(examples=["2026-01"])
    """Another system billed earlier months, and charges dated up to the 1st of the month before."""
    first_invoice_cutoff_day: int = Field(5, ge=1, le=28, examples=[5])
    """A customer whose billing starts by this day of a month is still on that month's invoice."""
    lookback_months: int = Field(3, ge=0, le=24, examples=[3])
    """How far back a change keyed in late is still billed by itself."""
    approver_may_be_runner: bool = Field(False, examples=[False])
    """Whether who ran a month may approve it."""
    max_reject_percent: int = Field(5, ge=0, le=100, examples=[5])
    """A file with a larger share of bad lines is refused whole."""
    max_reject_lines: int = Field(10, ge=0, examples=[10])
    """So few bad lines refuse no file, whatever their share, unless they are more than half of it."""
    send_from_day: int = Field(1, ge=1, le=28, examples=[1])
    """First day of the month on which invoices are mailed, by the seller's clock."""
    send_to_day: int = Field(5, ge=1, le=28, examples=[5])
    """Last such day."""


class BoundsSettings(Table):
    """[bounds]: what is so far from its history that nobody issues it unseen. 0 switches a bound off."""

    invoice_factor: Decimal = Field(Decimal(5), ge=0, examples=["5"])
    """A document over so many times the median of its account's last six months, or under that part of it, …"""
    invoice_months: int = Field(1, ge=1, le=6, examples=[1])
    """… when there are so many earlier months …"""
    invoice_floor: Decimal = Field(Decimal(100), ge=0, examples=["100"])
    """… and it is more than this away, in its currency."""
    total_percent: int = Field(50, ge=0, examples=[50])
    """A seller's total so far from last month's, …"""
    documents_percent: int = Field(50, ge=0, examples=[50])
    """… or the number of its documents, …"""
    documents_floor: int = Field(1, ge=1, examples=[1])
    """… when the larger of the two months has so many documents."""
    usage_records: int = Field(100, ge=0, examples=[100])
    """An account with so many rated records in the month before, and none in this one."""
    max_call_hours: int = Field(12, ge=0, examples=[12])
    """A call longer than this: its end was lost, or its duration is in another unit."""


class ReviewSettings(Table):
    """[review]: what people see of usage that is not billed yet."""

    mask_numbers: bool = Field(False, examples=[True])
    """Whether the last four digits of telephone numbers are hidden, in the review and in the view suspended_usage."""


class PublishSettings(Table):
    """[publish]: what is written for analysts beside the snapshot."""

    parquet: bool = Field(False, examples=[True])
    """Whether the most used views are written as Parquet files too, below published/parquet/: usage by month,
    documents, lines, taxes, accounts. `tollbook publish --parquet` begins with it in a home that does not say so."""


class RunSettings(Table):
    """[run]: how much machine a run may use."""

    memory_limit_mb: int = Field(4096, ge=256, examples=[4096])
    """Of the whole process while it takes in and rates usage, however much there is: two fifths are the
    database's, and usage is read in pieces that fit into the rest."""
    render_processes: int = Field(2, ge=1, le=64, examples=[2])
    """PDFs made side by side."""


class Settings(Table):
    """The whole of tollbook.toml; secrets may come from the environment (TOLLBOOK_SMTP__PASSWORD)."""

    billing: BillingSettings = Field(examples=[{"first_invoice_month": "2026-01"}])
    """The rules that are the operator's to choose."""
    sellers: dict[str, SellerSettings] = Field(examples=[{"main": {"name": "Example Telephone Inc.", "series": "INV"}}])
    """seller_id -> the legal entity that invoices."""
    sources: dict[str, SourceSettings] = Field(
        default_factory=dict,
        examples=[{"switch": {"feed": "calls", "format": "csv", "path": "inbox/calls/switch/*.csv"}}],
    )
    """name -> files in a layout of their own."""
    inbox: InboxSettings = Field(default_factory=InboxSettings, examples=[{"ignore": ["*.md"]}])
    """What lies in the inbox and is no file to take in."""
    feeds: dict[str, FeedSettings] = Field(default_factory=dict, examples=[{"devices": {"mode": "snapshot"}}])
    """name -> how a feed of master data is delivered."""
    decks: dict[str, DeckSettings] = Field(
        default_factory=dict, examples=[{"world": {"file": "world.csv", "currency": "USD", "valid_from": "2025-01-01"}}]
    )
    """name -> a rate deck."""
    smtp: SmtpSettings | None = Field(None, examples=[{"host": "smtp.telephone.example"}])
    """The server that takes the mails; without it they are written to out/<month>/mail/."""
    tax_engine: TaxEngineSettings | None = Field(None, examples=[{"sellers": ["main"]}])
    """Another program that computes taxes."""
    run: RunSettings = Field(default_factory=RunSettings, examples=[{"memory_limit_mb": 4096}])
    """How much machine a run may use."""
    engine: EngineSettings = Field(default_factory=EngineSettings, examples=[{"kind": "processes", "workers": 8}])
    """Who does a month's units of work."""
    bounds: BoundsSettings = Field(default_factory=BoundsSettings, examples=[{"max_call_hours": 12}])
    """What an approval needs a reason for."""
    publish: PublishSettings = Field(default_factory=PublishSettings, examples=[{"parquet": True}])
    """What is written for analysts beside the snapshot."""
    review: ReviewSettings = Field(default_factory=ReviewSettings, examples=[{"mask_numbers": True}])
    """What people see of usage that is not billed yet."""
    serve: ServeSettings = Field(default_factory=ServeSettings, examples=[{"bill": "0 6 1 * *"}])
    """When Prefect does what by itself."""

    @model_validator(mode="after")
    def _engine_of_known_sellers(self) -> "Settings":
        for seller in self.tax_engine.sellers if self.tax_engine else ():
            if seller not in self.sellers:
                raise ValueError(f"tax_engine.sellers: unknown {seller!r}; there are {', '.join(self.sellers)}")
        return self

    @model_validator(mode="after")
    def _cluster_has_a_path(self) -> "Settings":
        engine = self.engine
        if engine.address and engine.kind not in ("dask", "ray"):
            raise ValueError(f'engine.address: found kind = "{engine.kind}"; expected "dask" or "ray", which have one')
        if engine.address and not engine.path:
            raise ValueError("engine.path: expected a folder or an object store that every worker of the cluster sees")
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
    def journal(self) -> Path:
        """What left the house, beside the database (flows/home/journal.py)."""
        return self.root / "journal.jsonl"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def before_upgrade(self, version: int) -> Path:
        """The database as it was before it was brought from a schema version to today's."""
        return self.store / "before_upgrade" / f"schema_{version}.duckdb"

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
        text = home.settings_file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
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
        raise WrongUsage("\n".join(_fault(text, one) for one in error.errors())) from None


def _fault(text: str, error: ErrorDetails) -> str:
    """File, line and key of what is wrong; of an unknown key also what was probably meant, and never its value."""
    line = line_of(text, error["loc"])
    where = f"tollbook.toml, line {line}" if line else "tollbook.toml"
    if error["type"] != "extra_forbidden":
        return f"{where}: {fault_text(error)}"
    key = ".".join(str(part) for part in error["loc"])
    return f"{where}: {key}: unknown key; {meant(Settings, error['loc'])}"


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
