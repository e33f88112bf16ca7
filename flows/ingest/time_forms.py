"""Ways of writing a time that are not ISO 8601, told by the look of times: patterns that `time_format` takes.

Nothing is read by a pattern that nobody declared: these are proposed, to who tries a sample and to who reads a reject.
"""

import json
import re
from collections.abc import Iterator
from functools import cache

import polars as pl

MOST_CELLS = 1000
"""Different cells that are looked at; the others are of the same file."""

ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?(?:Z|[+-].*)?)?$"
"""What is written as ISO 8601 already, whatever may be wrong with it."""

_EPOCHS = {"epoch": r"^[0-9]{10}$", "epoch_ms": r"^[0-9]{13}$"}

_NAMES = r"(?:[A-Za-z]{3,9})"
_DAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"[0-9]{4}(?P<sep>[-/.])[0-9]{1,2}(?P=sep)[0-9]{1,2}", ("%Y{sep}%m{sep}%d",)),
    (r"[0-9]{8}", ("%Y%m%d",)),
    (r"[0-9]{1,2}(?P<sep>\.)[0-9]{1,2}\.[0-9]{4}", ("%d.%m.%Y",)),
    (r"[0-9]{1,2}(?P<sep>\.)[0-9]{1,2}\.[0-9]{2}", ("%d.%m.%y",)),
    (r"[0-9]{1,2}(?P<sep>[-/])[0-9]{1,2}(?P=sep)[0-9]{4}", ("%d{sep}%m{sep}%Y", "%m{sep}%d{sep}%Y")),
    (
        r"[0-9]{1,2}(?P<sep>[-/])[0-9]{1,2}(?P=sep)[0-9]{2}",
        ("%d{sep}%m{sep}%y", "%m{sep}%d{sep}%y", "%y{sep}%m{sep}%d"),
    ),
    (rf"[0-9]{{1,2}}(?P<sep>[- /]){_NAMES}(?P=sep)[0-9]{{4}}", ("%d{sep}%b{sep}%Y", "%d{sep}%B{sep}%Y")),
    (rf"[0-9]{{1,2}}(?P<sep>[- /]){_NAMES}(?P=sep)[0-9]{{2}}", ("%d{sep}%b{sep}%y",)),
    (rf"{_NAMES} [0-9]{{1,2}}(?P<sep>,?) [0-9]{{4}}", ("%b %d{sep} %Y", "%B %d{sep} %Y")),
)
"""What a day looks like -> its patterns, day before month where nothing tells."""

_CLOCK = (
    r"(?:[0-9]{1,2}(?P<mark>[:.])[0-9]{2}(?P<seconds>(?P=mark)[0-9]{2}(?P<part>\.[0-9]+)?)?|(?P<run>[0-9]{6}))"
    "(?:(?P<gap>[ \u00a0\u202f]?)(?P<half>[AaPp][Mm]))?"
)
_WEEKDAY = r"(?:(?P<weekday>[A-Za-z]{3,9})(?P<comma>,? ))?"
_ZONE = r"(?P<zone> ?[+-][0-9]{2}:?[0-9]{2})?"
_JOIN = r"(?P<join>[T ]|, ?| - | at |)"
_LOG = re.compile(rf"[A-Za-z]{{3}} [A-Za-z]{{3}} [ 0-9]?[0-9] {_CLOCK} [0-9]{{4}}")


@cache
def _shapes() -> list[tuple[re.Pattern[str], tuple[str, ...], bool]]:
    """(look of a time, patterns of its day, whether the day goes first)."""
    told = []
    for day, forms in _DAYS:
        told.append((re.compile(f"{_WEEKDAY}{day}{_JOIN}{_CLOCK}{_ZONE}"), forms, True))
        told.append((re.compile(f"{_CLOCK}{_JOIN}{_WEEKDAY}{day}{_ZONE}"), forms, False))
    return told


def _forms_of(text: str) -> Iterator[str]:
    """The patterns that a time may be written in, by its look alone."""
    yield from (form for form, look in _EPOCHS.items() if re.match(look, text))
    if found := _LOG.fullmatch(text):
        yield f"%a %b %e {_clock(found)} %Y"
    for shape, days, is_first in _shapes():
        found = shape.fullmatch(text)
        if found is None or (found["run"] and found["join"] not in ("", " ", "T")):
            continue
        # Who counts to twelve writes the month first, unless its days forbid it.
        ordered = sorted(days, key=lambda form: not form.startswith("%m")) if found["half"] else days
        for form in ordered:
            day = form.format(sep=(found.groupdict().get("sep") or ""))
            weekday = ("%a" if len(found["weekday"]) == 3 else "%A") + found["comma"] if found["weekday"] else ""
            zone = "" if not found["zone"] else " %z" if found["zone"][0] == " " else "%z"
            parts = (weekday + day, _clock(found)) if is_first else (_clock(found), weekday + day)
            yield found["join"].join(parts) + zone


def _clock(found: re.Match[str]) -> str:
    hour, mark = "%I" if found["half"] else "%H", found["mark"]
    half = f"{found['gap']}%p" if found["half"] else ""
    if found["run"]:
        return f"{hour}%M%S{half}"
    seconds = f"{mark}%S" + ("%.f" if found["part"] else "") if found["seconds"] else ""
    return f"{hour}{mark}%M{seconds}{half}"


def _is_written_so(cells: pl.Series, form: str) -> pl.Series:
    """Whether each cell is a time in this form."""
    if form in _EPOCHS:
        return cells.str.contains(_EPOCHS[form])
    try:
        zone = "UTC" if "%z" in form else None
        return cells.str.to_datetime(form, strict=False, time_zone=zone, time_unit="us").is_not_null()
    except pl.exceptions.PolarsError:
        return pl.repeat(value=False, n=cells.len(), dtype=pl.Boolean, eager=True)


def forms_of(cells: pl.Series) -> dict[str, pl.Series]:
    """Pattern -> which of these cells are written in it; those that no cell is written in are left out. Of a month's
    short and long name, which are the same in May, the short one."""
    forms = dict.fromkeys(form for cell in cells.to_list() if cell for form in _forms_of(cell))
    told = {form: _is_written_so(cells, form) for form in forms}
    twins = {form: told.get(form.replace("%B", "%b")) for form in told if "%B" in form}
    return {
        form: fits
        for form, fits in told.items()
        if fits.any() and ((twin := twins.get(form)) is None or not (twin == fits).all())
    }


def odd_times(cells: pl.Series) -> pl.Series:
    """Different cells that are no ISO 8601, at most MOST_CELLS."""
    odd = cells.drop_nulls().unique(maintain_order=True)
    return odd.filter(~odd.str.contains(ISO)).head(MOST_CELLS)


def best_forms(cells: pl.Series) -> list[str]:
    """The patterns that most of the cells that are no ISO 8601 are written in, all equally good."""
    fits = {form: int(written.sum()) for form, written in forms_of(odd_times(cells)).items()}
    return [form for form, count in fits.items() if count == max(fits.values())]


def declaration_for(cells: pl.Series, source: str, declared: str | None) -> pl.Series:
    """Of times that cannot be read, a cell each: the rest of the sentence about what is expected.

    source: the name of the file's source, empty where it has none; declared: its time_format.
    """
    where = f"[sources.{source or '<name>'}]"
    lead = f", or time_format in {where}: "
    if declared:
        lead = f", or as time_format = {_quoted(declared)} in {where} says; what is written would be "
    odd = odd_times(cells)
    fits = forms_of(odd)
    said = []
    for at, _ in enumerate(odd):
        forms = [form for form, written in fits.items() if written[at]]
        said.append(lead + _alternatives(forms) if forms else None)
    general = f'{lead}a pattern such as "%m/%d/%Y %I:%M:%S %p", or epoch'
    if declared:
        general = lead.partition(";")[0]
    told = pl.Series(said, dtype=pl.String).fill_null(general)
    # What looks like ISO 8601 is no other form: it is a time that does not exist.
    others = pl.select(pl.when(cells.str.contains(ISO)).then(pl.lit("")).otherwise(pl.lit(general))).to_series()
    return cells.replace_strict(odd, told, default=None, return_dtype=pl.String).fill_null(others)


def _quoted(form: str) -> str:
    return json.dumps(form, ensure_ascii=False)


def _alternatives(forms: list[str]) -> str:
    first, *others = map(_quoted, forms)
    return f"{first} or {', '.join(others)}, whichever is meant" if others else first
