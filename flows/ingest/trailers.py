"""Lines of a file that are no records: a trailer that says how many there are, and others that its source declares."""

import re

import polars as pl

from flows.ingest.files import FileRefused
from schemas.counts import count_of
from schemas.errors import Fault


class Trailer:
    """What was found of the declared lines of one file."""

    def __init__(self, name: str, pattern: str) -> None:
        self._name, self._pattern = name, pattern
        self._figures: list[tuple[int, int]] = []
        self._last_line = 0

    def taken_out(self, records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Records (source_line, raw_line) without those that are none, and these. Raises FileRefused for a count that
        is none."""
        is_one = records["raw_line"].str.contains(self._pattern)
        if not is_one.any():
            return records, records.clear()
        found = records.filter(is_one)
        for line, raw in found.select("source_line", "raw_line").iter_rows():
            self._last_line = line + raw.count("\n")
            if self._counts:
                self._figures.append((line, self._figure(line, raw)))
        return records.filter(~is_one), found

    @property
    def _counts(self) -> bool:
        return "records" in re.compile(self._pattern).groupindex

    def _figure(self, line: int, raw: str) -> int:
        match = re.search(self._pattern, raw)
        said = (match["records"] if match else None) or ""
        digits = re.sub(r"[\s,.'\"]", "", said)
        if not re.fullmatch("[0-9]{1,15}", digits):
            found = f"a trailer that says {said!r} records"
            raise FileRefused(Fault(self._name, line, None, found, "a whole number in the group `records`"))
        return int(digits)

    def is_last(self, line: int) -> bool:
        """Whether the line (from 1) is one of them."""
        return self._last_line == line > 0

    def check(self, records: int) -> None:
        """Raises FileRefused where the counts do not add up to the records of the file, or there is none."""
        if not self._counts or (not self._figures and not records):
            return
        if not self._figures:
            found = f"{count_of(records, 'record')} and no trailer"
            expected = f"a line like {self._pattern}"
            raise FileRefused(
                Fault(self._name, None, None, found, expected, "The file may be cut off. Nothing was loaded."), records
            )
        said = sum(figure for _, figure in self._figures)
        if said != records:
            found = f"a trailer that counts {count_of(said, 'record')}"
            expected = f"{records}, the records of the file"
            fault = Fault(self._name, self._figures[-1][0], None, found, expected, "Nothing was loaded.")
            raise FileRefused(fault, records)
