"""A rate of the home's own: `tollbook taxes set` writes it into the home's table, with source and author."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import yaml

from flows.catalog.load import load_taxes, tax_texts
from flows.home import audit
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.reading import read_yaml
from taxes.table import TaxTable
from taxes.tables import TaxTables, load_tables


@dataclass(frozen=True)
class Rate:
    """A value to enter: of which tax, from which day on, and where it stands. jurisdiction: None where the code has one
    table."""

    code: str
    day: date
    value: str
    reference: str
    jurisdiction: str | None = None
    override: str | None = None
    """Why a value far from the one before is right."""


@dataclass(frozen=True)
class RateSet:
    """What was written; `before`: the value of that very day, else the one in force on it."""

    file: str
    table: TaxTable
    rate: Rate
    before: Decimal | None
    by: str

    incomplete = False

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file, "tax_code": self.table.code, "jurisdiction": self.table.jurisdiction,
            "valid_from": self.rate.day.isoformat(), "value": self.rate.value, "unit": self.table.unit,
            "before": None if self.before is None else str(self.before), "reference": self.rate.reference,
            "entered_by": self.by,
        }  # fmt: skip

    def lines(self) -> list[str]:
        return [f"{self.table.jurisdiction} {self.told()}", f"written to {self.file}; entered by {self.by}"]

    def told(self) -> str:
        """In a sentence, for the audit log too."""
        unit = f" {self.table.currency} per line" if self.table.currency else " %"
        before = "not known" if self.before is None else f"{self.before}{unit}"
        return f"{self.table.code} from {self.rate.day}: {self.rate.value}{unit} (before: {before})"


def set_rate(store: Store, rate: Rate, *, by: str, now: datetime, today: date) -> RateSet:
    """Writes the rate into catalog/taxes/, where the table is copied first, and records the act. Raises WrongUsage for
    what the table cannot hold, Refused for a value far from the one before, NothingToDo where it says so already."""
    home = store.home
    if not rate.reference.strip():
        raise WrongUsage('--reference: found nothing; expected where the rate stands, such as "FCC DA 26-600"')
    table = _table(load_taxes(home), rate)
    texts, shown = tax_texts(home)
    data = read_yaml(texts[table.file], shown.get(table.file, table.file), "numbers").data
    if table.values.get(rate.day) is not None and _says(data, rate):
        raise NothingToDo(f"{table.file} says {rate.value} from {rate.day} already, as of {rate.reference}.")
    text = _header(texts[table.file]) + _dumped(_with(data, rate, by, today))
    path = home.taxes / table.file
    # All tables together, as a run reads them: a gap between quarters is refused here.
    load_tables({**texts, table.file: text}, {**shown, table.file: home.relative(path)})
    before = table.values.get(rate.day) if rate.day in table.values else table.percent(rate.day)
    _refuse_far(table, rate)
    done = RateSet(home.relative(path), table, rate, before, by)
    with store.transaction():
        subject = f"{table.jurisdiction} {table.code} {rate.day}"
        overridden = f"; far from it because: {rate.override}" if rate.override else ""
        audit.record(store, "taxes set", subject, by, now, rate.reference, f"{done.told()}, in {done.file}{overridden}")
        write_atomic(path, text.encode())
    return done


def _refuse_far(table: TaxTable, rate: Rate) -> None:
    """A comma lost or a digit too many: a percentage above 100, or a value of more than twice or less than half of the
    last one known."""
    value = Decimal(rate.value)
    if table.currency is None and value > 100:
        raise WrongUsage(f"VALUE: found {rate.value}; expected a percentage of at most 100")
    earlier = [known for day, known in sorted(table.values.items()) if day < rate.day and known]
    if rate.override or not earlier or not value or earlier[-1] / 2 <= value <= earlier[-1] * 2:
        return
    how = "more than twice" if value > earlier[-1] else "less than half"
    raise Refused(
        f"{table.code} was {earlier[-1]} before {rate.day}, and {rate.value} is {how} of it: nothing was written. "
        "If it is right, the same command with --override REASON."
    )


def _table(tables: TaxTables, rate: Rate) -> TaxTable:
    of_code = [table for table in tables.tables if table.code == rate.code]
    if not of_code:
        codes = sorted({table.code for table in tables.tables})
        raise WrongUsage(f"found {rate.code!r}; expected the code of a tax table: {', '.join(codes)}")
    named = [table for table in of_code if rate.jurisdiction in (None, table.jurisdiction)]
    if len(named) != 1:
        known = ", ".join(table.jurisdiction for table in of_code)
        raise WrongUsage(
            f"--jurisdiction: found {rate.jurisdiction or 'nothing'}; expected one of {rate.code}: {known}"
        )
    return named[0]


def _says(data: dict[str, Any], rate: Rate) -> bool:
    day = rate.day.isoformat()
    vouches = any(
        day in item.get("supports", []) and item["title"] == rate.reference for item in data.get("references", [])
    )
    return vouches and str(data["values"][day]) == rate.value


def _with(data: dict[str, Any], rate: Rate, by: str, today: date) -> dict[str, Any]:
    day = rate.day.isoformat()
    values = {**data["values"], day: rate.value}
    kept = []
    for item in data.get("references", []):
        others = [other for other in item.get("supports", []) if other != day]
        # A source without `supports` vouches for every date: one that vouched for this date alone goes with its value.
        if others or not item.get("supports"):
            kept.append({**item, "supports": others} if others else item)
    entered = {"title": rate.reference, "read": today.isoformat(), "supports": [day], "entered_by": by}
    return {**data, "values": dict(sorted(values.items())), "references": [*kept, entered]}


def _header(text: str) -> str:
    """The comment that a table begins with."""
    lines = text.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if not line.startswith("#")), 0)
    return "".join(lines[:first])


def _dumped(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
