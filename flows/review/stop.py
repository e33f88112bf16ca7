"""One reason not to approve yet, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """`code` of a closed list, what it is about, what was found. `seller_id`: null where it concerns every seller."""

    code: str
    subject: str
    detail: str
    seller_id: str | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.detail}"
