"""Columns by their names and by what stands in them: a declaration for a file that is of no layout of ours."""

import json
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from flows.ask.source_cells import by_cells, first_line_as_record
from flows.ask.source_sample import Sample, SourceGuess, written
from schemas.feeds import FEEDS

_WORDS = {
    "calls": {
        "call_id": r"^(call|unique|session|record|cdr|linked)?[ _-]?(id|uuid|guid|sid|identifier)$|uniqueid|call.?id",
        "started_at": r"^(call)?[ _-]?(start|date|begin|setup|time)|start.?time|call.?date|created|timestamp|datum",
        "answered_at": r"answer|connect(ed)?[ _-]?(time|at|date)",
        "ended_at": r"^end|end.?time|hangup.?(time|at)|disconnect(ed)?.?(time|at)|stop.?time",
        "duration_s": r"bill.?sec|talk|duration|^sec|seconds|length|dauer|billable",
        "from_number": r"^(from|src|source|caller|calling|ani|cli|origin|a([ _-]?(number|party))?$|clid)",
        "to_number": r"^(to|dst|dest|called|dialed|dialled|callee|dnis|cld|b([ _-]?(number|party))?$|recipient)",
        "direction": r"^dir|direction|call.?type|^type$|richtung|context|^ctx$",
        "disposition": r"disposition|status|result|cause|outcome|state",
        "account_id": r"account|customer|tenant|client",
        "extension": r"extension|^ext",
    },
    "messages": {
        "message_id": r"^(message|sms|msg)?[ _-]?(id|uuid|guid|sid|identifier)$|message.?id",
        "sent_at": r"sent|date|time|created",
        "direction": r"direction|type",
        "from_number": r"^(from|src|source|sender|originator)",
        "to_number": r"^(to|dst|dest|recipient|receiver)",
        "credits": r"segment|parts|credits|units",
        "text": r"^(text|body|content|message)$",
        "account_id": r"account|customer|tenant",
    },
}
"""What columns are often called; only where a file has none of our names for them, and only to be confirmed."""


def of_names(kind: str, feed: str, sample: Sample) -> SourceGuess:
    """A file whose columns have our names, or others that look like them, or hold what looks like it."""
    said: dict[str, Any] = {"feed": feed, "format": kind, "path": "*", "time_zone": "UTC", **written(sample, (kind,))}
    asked: dict[str, str] = {}
    names, rows = _names_and_rows(sample, said)
    canonical = {column.name for column in FEEDS[feed].columns}
    seen: dict[str, str] = {}
    if sample.kind == "csv" and (listed := first_line_as_record(sample.first_row)):
        names, rows, mapped = listed, [dict(zip(listed, sample.first_row, strict=False))], {}
        said["columns"] = listed
        asked["columns"] = "the first line looks like a record: the names of the columns, in order"
    else:
        ours = {*names} & canonical
        mapped = _mapped(names, feed, ours)
        used = {name for found in mapped.values() for name in ([found] if isinstance(found, str) else found)}
        free = {name: _cells(rows, name) for name in names if name not in used | ours}
        seen = by_cells(free, feed, taken={*ours, *mapped})
        ways = [name for name, cells in free.items() if name not in seen.values() and _are_directions(cells)]
        if ways and "direction" not in {*ours, *mapped, *seen}:
            seen["direction"] = ways[0]
        mapped |= seen
    if mapped:
        said["columns"] = mapped
        asked["columns"] = f"do these columns hold what is read from them? The file has {', '.join(names[:40])}"
    known = {*mapped, *({*names} & canonical)}
    _ask_direction(_cells(rows, mapped.get("direction", "direction")), known, said, asked)
    if feed == "calls":
        _of_calls(_cells(rows, mapped.get("duration_s", "duration_s")), known, said, asked)
    else:
        _of_messages(known, said, asked)
    return SourceGuess(kind, said, asked, is_by_cells=bool(seen))


def _mapped(names: list[str], feed: str, taken: set[str]) -> dict[str, str | list[str]]:
    """canonical -> the columns that look like it; those with our own names stand for themselves."""
    mapped: dict[str, str | list[str]] = {}
    if start := _date_and_time(names, taken):
        mapped["started_at" if feed == "calls" else "sent_at"] = start
    others = [name for name in names if name not in taken and name not in start]
    return mapped | _alike(others, _WORDS[feed], taken={*taken, *mapped})


def _ask_direction(words: list[str], known: set[str], said: dict[str, Any], asked: dict[str, str]) -> None:
    if odd := [word for word in dict.fromkeys(words) if word.lower() not in DIRECTIONS]:
        if likely := likely_directions(odd[:50]):
            said["directions"] = likely
        asked["directions"] = "which of these are inbound, which internal? As found in the file"
    if "direction" not in known:
        said["direction"] = "outbound"
        asked["direction"] = "no column says it: outbound, inbound or internal"


def _of_calls(durations: list[str], known: set[str], said: dict[str, Any], asked: dict[str, str]) -> None:
    if "call_id" not in known:
        said["call_id_from"] = ["started_at", "from_number", "to_number", "duration_s"]
        asked["call_id_from"] = "no column is an id: these together are one"
    if unit := _unit(durations):
        said["duration_unit"] = unit
    if "duration_s" not in known and {"answered_at", "ended_at"} <= known:
        said["duration_from"] = ["answered_at", "ended_at"]


def _of_messages(known: set[str], said: dict[str, Any], asked: dict[str, str]) -> None:
    constants = {} if "channel" in known else {"channel": "sms"}
    if not {"credits", "text"} & known:
        constants["credits"] = "1"
        asked["constants"] = "no column says how many credits a message uses"
    if constants:
        said["constants"] = constants


def _names_and_rows(sample: Sample, said: dict[str, Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """The columns that a file has, and some of its rows; of JSON also `items`, where a document holds a list."""
    if sample.kind == "csv":
        import csv

        rows = list(csv.reader(sample.text.splitlines()[:200], delimiter=sample.delimiter, skipinitialspace=True))
        header = rows[0] if rows else []
        return header, [dict(zip(header, row, strict=False)) for row in rows[1:]]
    if sample.kind == "parquet":
        frame = pl.read_parquet(sample.path, n_rows=200)
        return frame.columns, [*frame.iter_rows(named=True)]
    if sample.kind == "xlsx":
        frame = pl.read_excel(sample.path, engine="calamine", infer_schema_length=0)
        return frame.columns, [*frame.head(200).iter_rows(named=True)]
    records = _documents(sample, said)
    return list(dict.fromkeys(key for record in records for key in record)), records


def _documents(sample: Sample, said: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Some records of JSON; a text that is cut off inside one ends before it."""
    text, at, decoder = sample.text, 0, json.JSONDecoder()
    found: list[Any] = []
    if sample.kind == "json" and text.lstrip()[:1] == "[":
        at = text.index("[") + 1
    while len(found) < 200:
        rest = re.compile(r"[\s,]*").match(text, at)
        at = rest.end() if rest else at
        try:
            document, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(document)
    if sample.kind == "json" and len(found) == 1 and isinstance(found[0], dict):
        pages = [(k, v) for k, v in found[0].items() if isinstance(v, list) and v and isinstance(v[0], dict)]
        if pages:
            said["items"] = pages[0][0]
            found = pages[0][1]
    return [_flat(record) for record in found if isinstance(record, dict)]


def _flat(record: Mapping[str, Any], lead: str = "") -> dict[str, Any]:
    """Values by dotted path, as a declaration names them."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{lead}{key}.")
        else:
            flat[f"{lead}{key}"] = value
    return flat


def alike(names: list[str], feed: str) -> dict[str, str]:
    """canonical column of a feed -> a name that looks like it, each once."""
    return _alike([name for name in names if not name.endswith("_tag")], _WORDS[feed], taken=set())


def _alike(names: list[str], words: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    """canonical -> a column of the file whose name looks like it, each once."""
    found: dict[str, str] = {}
    for key, pattern in words.items():
        if key in taken:
            continue
        name = next((n for n in names if n not in found.values() and re.search(pattern, n.strip().casefold())), None)
        if name:
            found[key] = name
    return found


def _date_and_time(names: list[str], taken: set[str]) -> list[str]:
    """The columns of the day and of the time of day, where they stand apart."""
    if {"started_at", "sent_at"} & taken:
        return []
    day = next((name for name in names if re.fullmatch(r"(call |start |start_)?(date|day|datum)", name.casefold())), "")
    hour = next((n for n in names if re.fullmatch(r"(call |start |start_)?(time|hour|uhrzeit|zeit)", n.casefold())), "")
    return [day, hour] if day and hour else []


DIRECTIONS = ("outbound", "inbound", "internal")


_CAME_IN = (
    "did", "inbound", "incom", "from-trunk", "from-pstn", "public", "receiv", "eingehend", "herein", "ankommend",
    "entrant", "entrada", "inkomend",
)  # fmt: skip
_INSIDE = ("ext-local", "intern", "intercom", "on-net", "onnet", "station")
_WENT_OUT = (
    "out", "from-internal", "orig", "placed", "dialed", "dialled", "ausgehend", "hinaus", "abgehend",
    "sortant", "saliente", "salida", "uscente", "uitgaand",
)  # fmt: skip


def likely_directions(words: list[str], otherwise: str | None = None) -> dict[str, str]:
    """Their words for a direction and what they look like, to be confirmed; else `otherwise`, if that says anything."""
    likely = {}
    for word in words:
        plain = word.lower()
        told = otherwise
        for parts, meant in ((_INSIDE, "internal"), (_WENT_OUT, "outbound"), (_CAME_IN, "inbound")):
            told = meant if any(part in plain for part in parts) else told
        told = "inbound" if plain == "in" else told
        if told:
            likely[word] = told
    return likely


def _are_directions(cells: list[str]) -> bool:
    """Whether a column holds a few words, each of which looks like a direction."""
    words = {*cells}
    return bool(words) and len(words) <= 8 and set(likely_directions([*words])) == words


def _cells(rows: list[Mapping[str, Any]], name: str | list[str]) -> list[str]:
    names = [name] if isinstance(name, str) else name
    cells = [" ".join(str(row[n]).strip() for n in names if row.get(n) not in (None, "")) for row in rows]
    return [cell for cell in cells if cell]


def _unit(cells: list[str]) -> str | None:
    if cells and all(re.fullmatch(r"[0-9]+:[0-9]{2}(:[0-9]{2})?", cell) for cell in cells):
        return "hms"
    if any(re.fullmatch(r"[0-9]+\.[0-9]*[1-9][0-9]*", cell) for cell in cells):
        return "decimal_seconds"
    return None
