"""Invoice numbers: series, year and place, such as UK-2025-000001."""

import re

_NUMBER = re.compile(r"(?P<series>.+)-(?P<year>\d{4})-(?P<sequence>\d{6,})")


def number_of(series: str, year: int, sequence: int) -> str:
    """As it is printed."""
    return f"{series}-{year}-{sequence:06d}"


def parts_of(number: str) -> tuple[str, int, int]:
    """Series, year, sequence. Raises ValueError for what is no number of ours."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise ValueError(f"found {number!r}; expected a number such as UK-2025-000001")
    return found["series"], int(found["year"]), int(found["sequence"])


def is_number(text: str) -> bool:
    """Whether a text is a number of ours."""
    return _NUMBER.fullmatch(text) is not None
