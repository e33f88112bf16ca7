"""The beginning of a usage file: what its bytes say of how it is written, and a declaration to be tried on it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.ask.sample import delimiter_of, encoding_of
from flows.decks.content import is_workbook
from flows.home.file_settings import SourceSettings

_HEAD = 256 * 1024


@dataclass(frozen=True)
class SourceGuess:
    """A declaration to be tried. `label`: its layout's name; `asked`: key -> question for what the file cannot say.
    `is_foreign`: a declared source whose path does not take the file, and which nobody asked for."""

    label: str
    said: dict[str, Any]
    asked: dict[str, str] = field(default_factory=dict)
    is_declared: bool = False
    is_foreign: bool = False
    is_by_cells: bool = False
    """Whether some column was found by what stands in it alone."""

    @property
    def settings(self) -> SourceSettings:
        return SourceSettings.model_validate(self.said)


@dataclass(frozen=True)
class Sample:
    """A file's beginning, and what its bytes say of how it is written."""

    path: Path
    kind: str
    encoding: str
    delimiter: str
    text: str

    @property
    def first_row(self) -> list[str]:
        """Cells of the first line of a CSV."""
        import csv

        rows = csv.reader(self.text.splitlines()[:1], delimiter=self.delimiter, skipinitialspace=True)
        return next(rows, [])


def sample_of(path: Path, head: bytes) -> Sample:
    """What the first bytes of a file (unpacked) say of it."""
    kind, encoding, mark, text = "csv", "utf-8", ",", ""
    if head.startswith(b"PAR1"):
        kind = "parquet"
    elif is_workbook(head):
        kind = "xlsx"
    else:
        encoding = encoding_of(head[:_HEAD])
        text = head[:_HEAD].decode(encoding, errors="replace").lstrip("\ufeff")
        if text.lstrip()[:1] in ("{", "["):
            kind = "jsonl" if _is_lines(text) else "json"
        else:
            mark = delimiter_of(text)
    return Sample(path, kind, encoding, mark, text)


def _is_lines(text: str) -> bool:
    """Whether the first two lines are a JSON object each; one alone could be either."""
    lines = [line for line in text.splitlines() if line.strip()][:2]
    try:
        return len(lines) > 1 and all(isinstance(json.loads(line), dict) for line in lines)
    except ValueError:
        return False


def written(sample: Sample, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Keys that say how a file's text is written, of those that mean something for its kinds."""
    said: dict[str, Any] = {}
    if sample.encoding != "utf-8" and {*kinds} & {"csv", "json", "jsonl"}:
        said["encoding"] = sample.encoding
    if sample.delimiter != "," and "csv" in kinds:
        said["delimiter"] = sample.delimiter
    return said
