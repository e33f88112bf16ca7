"""What `tollbook.toml` says of files that others make: [sources.<name>], [feeds.<name>], [decks.<name>]."""

import codecs
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from flows.home.deck_formats import DeckFormat
from flows.presets.names import preset_names
from schemas.feeds import FEEDS
from schemas.limits import RoundingMode
from schemas.periods import is_zone


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"found zone {name!r}; expected an IANA name such as America/New_York")
    return name


PLAIN_FORMATS = ("csv", "jsonl", "json", "parquet", "xlsx")
SOURCE_FORMATS = [*PLAIN_FORMATS, *preset_names()]
"""The first five are whatever `columns` says, the others the layouts of flows/presets/."""


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


Direction = Literal["outbound", "inbound", "internal"]
Stamp = Literal["started_at", "answered_at", "ended_at"]


class SourceSettings(Table):
    """[sources.<name>]: a switch's or gateway's own layout. A layout is declared, never guessed."""

    feed: str = Field(examples=["calls"])
    """What its records are: calls, messages or another feed."""
    format: SourceFormat = Field("csv", examples=["csv", "xlsx", "asterisk"])
    """A kind of file (its columns are canonical or mapped by `columns`), or the layout of a system."""
    path: str = Field(examples=["inbox/calls/asterisk/*.csv"])
    """Glob below the home, such as inbox/calls/asterisk/*.csv."""
    time_zone: Zone | None = Field(None, examples=["America/New_York"])
    """Zone of times without offset; without it such times are rejected."""
    columns: dict[str, str | list[str]] | list[str] = Field(
        default_factory=dict,
        examples=[{"call_id": "Id", "started_at": ["Date", "Time"]}, ["started_at", "call_id", "duration_s"]],
    )
    """A map canonical -> source column (in JSON a dotted path; several are joined by a blank), or the list of a
    headerless layout's columns in order. For a layout with names of its own the map replaces single ones."""
    constants: dict[str, str] = Field(default_factory=dict, examples=[{"direction": "outbound"}])
    """canonical -> the value of every record, for what the file does not say."""
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, examples=[{"disposition": {"Nobody home": "no answer"}}]
    )
    """canonical -> {their value: ours}; a value that is not listed stays as it is."""
    call_id_from: list[str] = Field(
        default_factory=list, examples=[["started_at", "from_number", "to_number", "duration_s"]]
    )
    """Where records have no id: the columns (canonical, else the file's) that one is made of, the same for the same
    content in whatever file. Two records that agree in all of them are one."""
    items: str | None = Field(None, examples=["records"])
    """Format json: the key (a dotted path) of the list of records in a page; without it a document is a record or a
    list of them."""
    sheet: str | None = Field(None, examples=["Calls"])
    """Format xlsx: the name of the sheet; without it the first one."""
    time_format: str | None = Field(None, examples=["%m/%d/%Y %I:%M:%S %p", "epoch"])
    """How the file writes times that are not ISO 8601: a pattern such as "%m/%d/%Y %I:%M:%S %p", or epoch, epoch_ms."""
    header: bool | None = Field(None, examples=[False])
    """Whether the file has a header line; by default csv with names has one, switch layouts have none."""
    skip_rows: int = Field(0, ge=0, le=1000, examples=[2])
    """Physical lines before the header (or before the first record), such as a title."""
    skip_after_header: int = Field(0, ge=0, le=1000, examples=[1])
    """Lines right below the header that are no records, such as the types of the columns."""
    trailer: str | None = Field(None, examples=[r"^TRAILER,(?P<records>\d+)$"])
    """A regular expression of lines that are no records. What its group `records` says is held against the count of
    records; a difference, or no such line behind records, refuses the file."""
    delimiter: str = Field(",", min_length=1, max_length=1, examples=[";"])
    """What separates the cells of a CSV."""
    encoding: str = Field("utf-8", examples=["cp1252", "utf-16"])
    """How the file's text is written, by a name that Python knows: utf-8, cp1252, latin-1, utf-16 …"""
    duration_unit: Literal["seconds", "milliseconds", "decimal_seconds", "hms"] = Field("seconds", examples=["hms"])
    """How durations are written. decimal_seconds (29.517) and milliseconds are rounded half up to whole seconds; hms is
    H:MM:SS. GoTo's layouts must declare it, for its documents disagree."""
    duration_from: tuple[Stamp, Stamp] | None = Field(None, examples=[["answered_at", "ended_at"]])
    """Where no column holds the duration: the two times between which the call was talked, rounded half up."""
    leg: Literal["a", "b"] | None = Field(None, examples=["a"])
    """Of a switch that writes both legs of a call, the one that bills; the other is excluded as other_leg."""
    parts: bool = Field(False, examples=[True])
    """Whether records of one call id that differ in leg are parts of one call: their seconds are added, it starts when
    the first one does, has one connect fee and is rounded up once."""
    url_encoded: bool = Field(True, examples=[False])
    """freeswitch_json: whether the switch URL-encodes the values of `variables` (its encode-values)."""
    direction: Direction | None = Field(None, examples=["outbound"])
    """Direction of every record, for layouts that carry none."""
    directions: dict[str, Direction] = Field(
        default_factory=dict, examples=[{"from-internal": "outbound", "ext-did-*": "inbound"}]
    )
    """What their words for a direction mean (a dial-plan context, a trunk), * at the end for any ending; the longest
    that fits counts. Beats `direction`."""
    account_id: str | None = Field(None, examples=["A1"])
    """Account of every record, for a switch that serves one."""
    trusted: bool = Field(False, examples=[True])
    """Whether the account that a record states pays whatever the number at its near end is: a forwarded call carries
    the number of the caller outside."""
    country: str | None = Field(None, pattern="^[A-Z]{2}$", examples=["US"])
    """Country whose dialling habits apply to numbers without a +."""
    number_format: Literal["e164_digits"] | None = Field(None, examples=["e164_digits"])
    """e164_digits: seven digits and more without + are E.164 (442079460012); extensions stay. Digits that begin with 0
    are read by `country`."""
    dialled: dict[str, str] = Field(default_factory=dict, examples=[{"000": "+", "9": ""}])
    """Leading characters of a number -> what they stand for, the longest first, such as {"000" = "+", "9" = ""}."""
    expect: Literal["daily"] | None = Field(None, examples=["daily"])
    """daily: a day of the usage month without a record, a file of its date or a control total of 0 stops approval."""
    sequence: str | None = Field(None, examples=["cdr-*-####.csv"])
    """How its files are numbered: a name with one run of # for the digits and * for anything, such as cdr-*-####.csv.
    A number left out stops approval; after 9999 comes 0000."""

    @field_validator("encoding")
    @classmethod
    def _is_text(cls, name: str) -> str:
        return text_encoding(name)

    @field_validator("directions")
    @classmethod
    def _star_at_the_end(cls, directions: dict[str, Direction]) -> dict[str, Direction]:
        if wrong := [word for word in directions if "*" in word[:-1]]:
            raise ValueError(f"found {wrong[0]!r}; expected * only at the end of a word, such as ext-did-*")
        return directions

    @field_validator("trailer")
    @classmethod
    def _is_expression(cls, pattern: str | None) -> str | None:
        return pattern if pattern is None else line_pattern(pattern)

    ignore: list[str] = Field(default_factory=list, examples=[["*.log"]])
    """Patterns of files below its folder that are left alone on purpose, such as ["*.log"]; see [inbox]."""

    @model_validator(mode="after")
    def _supported(self) -> "SourceSettings":
        if self.feed not in FEEDS:
            raise ValueError(f"found feed {self.feed!r}; expected one of {', '.join(FEEDS)}")
        if self.sequence is not None:
            sequence_pattern(self.sequence)
        return self


_NO_WRITING = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
"""What Python lists among the encodings of text, and nobody writes a file in."""


def text_encoding(name: str) -> str:
    """Python's own name of an encoding of text. Raises ValueError for what is none."""
    try:
        codec = codecs.lookup(name)
        "a".encode(name)
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec.name.replace("-", "_") in _NO_WRITING:
        raise ValueError(f"found encoding {name!r}; expected a name that Python knows, such as cp1252 or utf-16")
    return codec.name


def line_pattern(pattern: str) -> str:
    """`pattern` as it is, if lines can be looked for by it. Raises ValueError for what is no regular expression."""
    import polars as pl

    try:
        re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except (re.error, pl.exceptions.ComputeError) as error:
        found = f"found {pattern!r} ({str(error).splitlines()[0]})"
        raise ValueError(f"{found}; expected a regular expression without look-around") from None
    if pl.Series([""]).str.contains(pattern).item():
        raise ValueError(f"found {pattern!r}, which fits every line; expected what only a trailer looks like")
    return pattern


class InboxSettings(Table):
    """[inbox]: what lies there and is no file to take in."""

    ignore: list[str] = Field(default_factory=list, examples=[["*.md", "calls/pbx/old/*"]])
    """Patterns of files left alone on purpose, such as ["*.md", "calls/pbx/old/*"]: with a slash for the path below
    inbox/, without for the name of the file or of a folder on its way. What no pattern fits stops the approval."""


class FeedSettings(Table):
    """[feeds.<name>]: how a feed of master data is delivered."""

    mode: Literal["delta", "snapshot"] = Field("delta", examples=["snapshot"])
    """delta: a file holds what is new or changed. snapshot: it holds everything; a missing row is reported."""


class MarkupRounding(Table):
    """How a price that is made from a cost is rounded."""

    digits: int = Field(6, ge=0, le=12, examples=[4])
    """Decimals of the price."""
    mode: RoundingMode = Field("half_up", examples=["up"])
    """half_up, half_even, up or down, on the absolute value."""


UNKNOWN_CURRENCY = "XXX"
"""Of a file that is looked at without a declaration (ISO 4217: no currency)."""


class DeckSettings(Table):
    """[decks.<name>]: a rate deck under catalog/rates/."""

    file: str = Field(examples=["world.csv"])
    """The file's name below catalog/rates/: CSV, or a workbook (its first bytes say which)."""
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["USD"])
    """Currency of its prices; nothing is converted."""
    sheet_currency: str | None = Field(None, pattern="^[A-Z]{3}$", examples=["USD"])
    """The currency that the sheet itself names, where it names another than `currency` and is known to be wrong."""
    valid_from: date | None = Field(None, examples=["2026-01-01"])
    """For rows without one."""
    format: DeckFormat = Field("tollbook", examples=["az"])
    """Whose layout the file has (flows/decks/formats.py); tollbook is the canonical one."""
    columns: dict[str, str] | list[str] = Field(
        default_factory=dict,
        examples=[{"prefix": "Dial Prefix", "price": "Rate"}, ["prefix", "price", "destination"]],
    )
    """canonical (or a column of the layout's own, such as interval or change) -> column of the file; or, of a file
    without header line, the names of its columns in order ("" for one that is not read)."""
    defaults: dict[str, str] = Field(default_factory=dict, examples=[{"increment_s": "1"}])
    """canonical -> what an empty or absent cell means, such as {increment_s = "1"}."""
    delimiter: str = Field(",", min_length=1, max_length=1, examples=[";"])
    """What separates the cells of a CSV."""
    encoding: str = Field("utf-8", examples=["cp1252"])
    """How the text of a CSV is written, by a name that Python knows: utf-8, cp1252, latin-1, utf-16 …"""
    sheet: str | None = Field(None, examples=["Rates"])
    """Name of the sheet of a workbook; without it the first one."""
    decimal: Literal[".", ","] = Field(".", examples=[","])
    """What stands between the whole and the decimals of a price."""
    date_format: str | None = Field(None, examples=["%d/%m/%Y"])
    """How the file writes days, such as "%d/%m/%Y"; by default YYYY-MM-DD."""
    skip_rows: int = Field(0, ge=0, le=1000, examples=[2])
    """Lines above the header."""
    skip_unparsable: bool = Field(False, examples=[True])
    """Leaves out and lists rows without any prefix or price, as titles and footers; else they refuse the deck."""
    supersede: bool = Field(False, examples=[True])
    """A later row of a prefix ends the earlier one, as in a sheet of current and announced prices."""
    markup_percent: Decimal | None = Field(None, gt=-100, le=10_000, examples=["25"])
    """The sheet holds costs: a price is the cost and so many percent of it, connect fee and cap too."""
    markup_amount: Decimal | None = Field(None, gt=-1000, lt=1000, examples=["0.0050"])
    """The sheet holds costs: so much is added to a price (for its per_s seconds), after the percent."""
    rounding: MarkupRounding | None = Field(None, examples=[{"digits": 4, "mode": "up"}])
    """How prices made by a markup are rounded; without it they are exact."""

    @field_validator("encoding")
    @classmethod
    def _is_text(cls, name: str) -> str:
        return text_encoding(name)

    @field_validator("markup_percent", "markup_amount")
    @classmethod
    def _few_decimals(cls, value: Decimal | None) -> Decimal | None:
        if value is not None and int(value.as_tuple().exponent) < -12:
            raise ValueError(f"found {value}; expected at most 12 decimals")
        return value

    @model_validator(mode="after")
    def _rounds_a_markup(self) -> "DeckSettings":
        if self.rounding is not None and not self.has_markup:
            raise ValueError("found rounding; expected it beside markup_percent or markup_amount: it rounds no others")
        return self

    @property
    def has_markup(self) -> bool:
        """Whether the sheet holds costs, and prices are made from them."""
        return self.markup_percent is not None or self.markup_amount is not None

    @property
    def mapped(self) -> dict[str, str]:
        """`columns` where it maps names."""
        return self.columns if isinstance(self.columns, dict) else {}

    @property
    def listed(self) -> list[str]:
        """`columns` where it lists those of a file without header line."""
        return self.columns if isinstance(self.columns, list) else []
