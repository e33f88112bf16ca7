"""What was asked for, by whom and when: paths and ids, never frames."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flows.home.settings import Home, Settings, as_known, load_settings
from flows.home.store import Scope, Store
from schemas.periods import add_months, first_of_month, month_start


@dataclass(frozen=True)
class Known:
    """What a run knew, for corrections with its eyes (RULES 19): files before `before_file`, tables in `folder`."""

    run_id: str
    before_file: int
    folder: str


@dataclass(frozen=True)
class Request:
    """What was asked for, by whom, and when: the only clock the stages see (RULES 1)."""

    home_dir: str
    invoice_month: str
    by: str
    now: datetime
    today: date | None = None
    accounts: tuple[str, ...] = ()
    take_over: bool = False
    """Whether a stale lock may be taken over."""
    only_these: bool = False
    """Whether nothing is read but what concerns `accounts`: a correction of one account reads one account."""
    known: Known | None = None
    ahead: str | None = None
    """Why a month is run that lies ahead of the clock."""

    @property
    def day(self) -> date:
        """The day it is."""
        return self.today or self.now.date()

    @property
    def is_ahead(self) -> bool:
        """Whether the month is later than the one after the clock's."""
        return self.month_first > add_months(first_of_month(self.day), 1)

    @property
    def home(self) -> Home:
        return Home(Path(self.home_dir), Path(self.known.folder) / "catalog" if self.known else None)

    @property
    def month_first(self) -> date:
        return month_start(self.invoice_month)

    def settings(self) -> Settings:
        settings = load_settings(self.home)
        return as_known(settings, Path(self.known.folder) / "settings.json") if self.known else settings

    @property
    def scope(self) -> Scope:
        return Scope(self.accounts if self.only_these else None, self.known.before_file if self.known else None)

    def store(self) -> Store:
        """The home's store as this request looks at it, to be opened; a run opens the books instead, once."""
        return Store(self.home, self.settings().run.memory_limit_mb, self.scope)
