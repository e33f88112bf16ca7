"""`tollbook check`: cases a finance clerk can write, run on the code that bills (CONTRACT, section 5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, get_args

from babel.numbers import list_currencies

from flows.ask.check_files import Case, read_cases
from flows.catalog.contents import REFERENCE
from flows.home.settings import Home
from rating.checks import call, period
from rating.checks.given import day, given
from rating.period_price import shown
from schemas.errors import NothingToDo, TollbookError, WrongUsage
from schemas.limits import RoundingMode
from schemas.money import minor_digits
from taxes.apply import tax_on
from taxes.tables import TAX_CODES, TaxTables, load_tables, rate_percent

Subject = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """A case and what was found; `found` begins with `error:` when the subject has no value."""

    case: Case
    found: str | None
    passed: bool

    def as_json(self) -> dict[str, Any]:
        """The case's line under --json."""
        return {
            "file": self.case.file,
            "name": self.case.name,
            "passed": self.passed,
            "expected": self.case.expected,
            "found": self.found,
        }

    @property
    def incomplete(self) -> bool:
        return not self.passed

    def lines(self) -> list[str]:
        """For the terminal: only what failed."""
        return [self.line()] if self.incomplete else []

    def line(self) -> str:
        """The case's line for a reader."""
        expected, found = ("none" if value is None else value for value in (self.case.expected, self.found))
        return f"failed: {self.case.file}, line {self.case.line}: {self.case.name}: expected {expected}, found {found}"


def check_files(files: list[Path], home: Home) -> list[Outcome]:
    """Every case of the files, in their order; without files those of the home's checks/. Reads all before it runs."""
    named = [(path, str(path)) for path in files] or _of_home(home)
    cases = [case for path, shown_as in named for case in read_cases(path, shown_as)]
    return [_run(case) for case in cases]


def _of_home(home: Home) -> list[tuple[Path, str]]:
    if not home.settings_file.exists():
        raise WrongUsage("expected a check file: this folder is no home whose checks/ could be run")
    paths = sorted((home.root / "checks").glob("*.yaml"))
    if not paths:
        raise NothingToDo("checks/ holds no .yaml file.")
    return [(path, home.relative(path)) for path in paths]


def _run(case: Case) -> Outcome:
    try:
        value = _SUBJECTS[case.subject](case.given)[case.result]
    except (TollbookError, ValueError, ArithmeticError, LookupError) as error:
        return Outcome(case, f"error: {str(error).strip() or type(error).__name__}", passed=False)
    # A price is read more easily with decimals; a share of days only as a fraction.
    answer = shown(value) if isinstance(value, Fraction) else None if value is None else str(value)
    return Outcome(case, answer, _same(case, answer))


def _same(case: Case, answer: str | None) -> bool:
    """By value: 1 is 1/1 and 8.880 is 8.88. An id is text: 007 is not 7."""
    if answer is None or case.expected is None:
        return answer is case.expected
    if case.result == "rate_id":
        return answer == case.expected
    try:
        return Fraction(answer) == Fraction(case.expected)
    except (ValueError, ZeroDivisionError):
        return answer == case.expected


def _decimal(text: str, key: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except ArithmeticError:
        number = Decimal("nan")
    if not number.is_finite():
        raise ValueError(f"{key}: found {text!r}, expected a number")
    return number


def _tax(case: Mapping[str, Any]) -> dict[str, str]:
    """The tax on a document: each rate once on the sum of its lines, each rounded once."""
    currency = given(case, "currency")
    if currency not in list_currencies():
        raise ValueError(f"currency: found {currency!r}, expected a currency of ISO 4217, such as USD")
    rounding = given(case, "rounding", "half_up")
    if rounding not in get_args(RoundingMode):
        raise ValueError(f"rounding: found {rounding!r}, expected one of {', '.join(get_args(RoundingMode))}")
    percent = _decimal(given(case, "taxable_percent", "100"), "taxable_percent")
    parts = [(_decimal(line, "lines"), percent) for line in given(case, "lines")]
    rates = [_decimal(rate, "rates_percent") for rate in given(case, "rates_percent")]
    taxes = (tax_on(parts, rate, minor_digits(currency), rounding) for rate in rates)
    return {"tax": str(sum(taxes, Decimal(0)))}


def _tax_rate(case: Mapping[str, Any]) -> dict[str, str | None]:
    """The percentage in force at an address, from the tables shipped with the program."""
    code = given(case, "tax")
    if code not in TAX_CODES:
        raise ValueError(f"tax: found {code!r}, expected one of {', '.join(TAX_CODES)}")
    region = given(case, "region", "")
    percent = rate_percent(
        _shipped_tables(), given(case, "country"), region or None, code, day(given(case, "date"), "date")
    )
    return {"percent": None if percent is None else str(percent)}


@cache
def _shipped_tables() -> TaxTables:
    root = REFERENCE / "taxes"
    return load_tables({p.relative_to(root).as_posix(): p.read_text(encoding="utf-8") for p in root.rglob("*.yaml")})


_SUBJECTS: dict[str, Subject] = {**period.SUBJECTS, **call.SUBJECTS, "tax": _tax, "tax_rate": _tax_rate}
