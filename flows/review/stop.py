"""One reason not to approve yet, as a value."""

from dataclasses import dataclass

from schemas.codes import StopCode


@dataclass(frozen=True)
class Stop:
    """`code` (schemas/codes.py), what it is about, what was found. `seller_id`: null where it concerns every seller."""

    code: StopCode
    subject: str
    detail: str
    seller_id: str | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.detail}"
