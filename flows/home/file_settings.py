"""What `tollbook.toml` says of files that others make: [sources.<name>], [feeds.<name>], [decks.<name>]."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.home.deck_formats import DeckFormat
from flows.presets.names import preset_names
from schemas.feeds import FEEDS
from schemas.periods import is_zone


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"found zone {name!r}; expected an IANA name such as America/New_York")
    return name


PLAIN_FORMATS = ("csv", "jsonl", "json", "parquet")
SOURCE_FORMATS = [*PLAIN_FORMATS, *preset_names()]
"""The first four are whatever `columns` says, the others the layouts of flows/presets/."""


def _source_format(name: str) -> str:
    if name not in SOURCE_FORMATS:
        raise ValueError(f"found format {name!r}; expected one of {', '.join(SOURCE_FORMATS)}")
    return name


SourceFormat = Annotated[str, AfterValidator(_source_format), Field(json_schema_extra={"enum": [*SOURCE_FORMATS]})]

Zone = Annotated[str, AfterValidator(_zone)]


class Table(BaseModel):
    """A table of tollbook.toml: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def sequence_pattern(sequence: str) -> re.Pattern[str]:
    """`cdr-*-####.csv` as an expression whose one group is the number; a .gz behind it is the same file."""
    parts = re.split("(#+)", sequence)
    if len(parts) != 3 or "/" in sequence:
        raise ValueError(f"found sequence {sequence!r}; expected a file name with one run of #, such as cdr_####.csv")
    before, digits, after = ((re.escape(part).replace(r"\*", ".*")) for part in parts)
    del digits
    return re.compile(f"{before}([0-9]{{{len(parts[1])}}}){after}(?:\\.gz)?")


class SourceSettings(Table):
    """[sources.<name>]: a switch's or gateway's own layout. A layout is declared, never guessed."""

    feed: str
    format: SourceFormat = "csv"
    path: str
    """Glob below the home, such as inbox/calls/asterisk/*.csv."""
    time_zone: Zone | None = None
    """Zone of times without offset; without it such times are rejected."""
    columns: dict[str, str] | list[str] = Field(default_factory=dict)
    """A map canonical -> source column (in JSON a dotted path), or the list of a headerless layout's columns in order.
    For a layout with names of its own the map replaces single ones."""
    constants: dict[str, str] = Field(default_factory=dict)
    """canonical -> the value of every record, for what the file does not say."""
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    """canonical -> {their value: ours}; a value that is not listed stays as it is."""
    items: str | None = None
    """Format json: the key (a dotted path) of the list of records in a page; without it a document is a record or a
    list of them."""
    time_format: str | None = None
    """How the file writes times that are not ISO 8601: a pattern such as "%m/%d/%Y %I:%M:%S %p", or epoch, epoch_ms."""
    header: bool | None = None
    """Whether the file has a header line; by default csv with names has one, switch layouts have none."""
    delimiter: str = Field(",", min_length=1, max_length=1)
    encoding: Literal["utf-8"] = "utf-8"
    duration_unit: Literal["seconds", "milliseconds"] = "seconds"
    """GoTo's layouts must declare it, for its documents disagree."""
    leg: Literal["a", "b"] | None = None
    """Of a switch that writes both legs of a call, the one that bills; the other is excluded as other_leg."""
    url_encoded: bool = True
    """freeswitch_json: whether the switch URL-encodes the values of `variables` (its encode-values)."""
    direction: Literal["outbound", "inbound", "internal"] | None = None
    """Direction of every record, for layouts that carry none."""
    directions: dict[str, Literal["outbound", "inbound", "internal"]] = Field(default_factory=dict)
    """Dial-plan context -> direction; beats `direction`."""
    account_id: str | None = None
    """Account of every record, for a switch that serves one."""
    country: str | None = Field(None, pattern="^[A-Z]{2}$")
    """Country whose dialling habits apply to numbers without a +."""
    dialled: dict[str, str] = Field(default_factory=dict)
    """Leading characters of a number -> what they stand for, the longest first, such as {"000" = "+", "9" = ""}."""
    expect: Literal["daily"] | None = None
    """daily: a day of the usage month without a record, a file of its date or a control total of 0 stops approval."""
    sequence: str | None = None
    """How its files are numbered: a name with one run of # for the digits and * for anything, such as cdr-*-####.csv.
    A number left out stops approval; after 9999 comes 0000."""

    @model_validator(mode="after")
    def _supported(self) -> "SourceSettings":
        if self.feed not in FEEDS:
            raise ValueError(f"found feed {self.feed!r}; expected one of {', '.join(FEEDS)}")
        if self.sequence is not None:
            sequence_pattern(self.sequence)
        return self


class FeedSettings(Table):
    """[feeds.<name>]: how a feed of master data is delivered."""

    mode: Literal["delta", "snapshot"] = Field("delta", examples=["snapshot"])
    """delta: a file holds what is new or changed. snapshot: it holds everything; a missing row is reported."""


class DeckSettings(Table):
    """[decks.<name>]: a rate deck under catalog/rates/."""

    file: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    valid_from: date | None = None
    """For rows without one."""
    format: DeckFormat = "tollbook"
    """Whose layout the file has (flows/decks/formats.py); tollbook is the canonical one."""
    columns: dict[str, str] = Field(default_factory=dict)
    """canonical (or a column of the layout's own, such as interval or change) -> column of the file."""
    defaults: dict[str, str] = Field(default_factory=dict)
    """canonical -> what an empty or absent cell means, such as {increment_s = "1"}."""
    delimiter: str = Field(",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    date_format: str | None = None
    """How the file writes days, such as "%d/%m/%Y"; by default YYYY-MM-DD."""
    skip_rows: int = Field(0, ge=0, le=1000)
    """Lines above the header."""
    skip_unparsable: bool = False
    """Leaves out and lists rows without any prefix or price, as titles and footers; else they refuse the deck."""
    supersede: bool = False
    """A later row of a prefix ends the earlier one, as in a sheet of current and announced prices."""
