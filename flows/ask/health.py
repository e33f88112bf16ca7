"""What `doctor` says: a line for everything it looked at."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Check:
    """One thing looked at: ok, warn (works, but see to it) or fail (billing would not)."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""

    def line(self) -> str:
        """For the terminal."""
        do = f" -> {self.remedy}" if self.remedy and self.state != "ok" else ""
        return f"{self.state:5} {self.name}: {self.detail}{do}"


@dataclass(frozen=True)
class Health:
    """Every check, in the order they were made."""

    checks: list[Check]

    @property
    def incomplete(self) -> bool:
        return any(check.state == "fail" for check in self.checks)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(check) for check in self.checks]

    def lines(self) -> list[str]:
        return [check.line() for check in self.checks]
