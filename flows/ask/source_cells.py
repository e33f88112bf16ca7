"""Columns by what stands in them, where neither a header nor its words say what they are. Only ever to be confirmed."""

import re
from collections.abc import Collection, Mapping, Sequence

_TIME = r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}[T ].*|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4} [0-9]{1,2}:.*"
_EPOCH = r"[0-9]{10}|[0-9]{13}"
_SECONDS = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}|[0-9]{1,6}(\.[0-9]+)?"
_WAYS = r"(?i)outbound|inbound|internal"

_SHAPES = (
    (f"{_TIME}|{_EPOCH}", ("started_at", "answered_at", "ended_at")),
    (r"\+[1-9][0-9]{6,14}", ("from_number", "to_number")),
    (_SECONDS, ("duration_s",)),
    (_WAYS, ("direction",)),
)
"""What a cell looks like -> what it may be, the first of its kind first."""

# Under a header a column may hold numbers as they were dialled, and extensions among them.
_COLUMNS = {
    "calls": (
        (_TIME, ("started_at", "answered_at", "ended_at")),
        (r"\+?[0-9]{3,15}", ("from_number", "to_number")),
        (_SECONDS, ("duration_s",)),
        (_WAYS, ("direction",)),
    ),
    "messages": (
        (_TIME, ("sent_at",)),
        (r"\+?[0-9]{3,15}", ("from_number", "to_number")),
        (r"[0-9]{1,2}", ("credits",)),
        (_WAYS, ("direction",)),
    ),
}
_LONG = r"\+?[0-9]{7,15}"
"""One such number in it tells a column of telephone numbers from one of seconds."""


def first_line_as_record(cells: Sequence[str]) -> list[str]:
    """Names for the columns of a CSV whose first line is a record; empty where it is a header."""
    cells = [cell.strip() for cell in cells]
    if not any(re.fullmatch(f"{_SHAPES[0][0]}|{_SHAPES[1][0]}", cell) for cell in cells):
        return []
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        may_be = [name for shape, kinds in _SHAPES if re.fullmatch(shape, cell) for name in kinds]
        names.append(next((name for name in may_be if name not in names), f"column {place}"))
    return names


def by_cells(columns: Mapping[str, Sequence[str]], feed: str, taken: Collection[str]) -> dict[str, str]:
    """canonical -> a column all of whose cells look like it, each once. columns: name -> its cells that hold anything;
    taken: canonical columns that are found already."""
    found: dict[str, str] = {}
    for name, cells in columns.items():
        may_be = (kind for shape, kinds in _COLUMNS[feed] if _is_all(shape, cells) for kind in kinds)
        kind = next((kind for kind in may_be if kind not in found and kind not in taken), None)
        if kind:
            found[kind] = name
    return found


def _is_all(shape: str, cells: Sequence[str]) -> bool:
    is_number = shape.startswith(r"\+")
    return (
        bool(cells)
        and all(re.fullmatch(shape, cell) for cell in cells)
        and (not is_number or any(re.fullmatch(_LONG, cell) for cell in cells))
    )
