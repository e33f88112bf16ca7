"""Writes the pages that say what the program itself knows: every setting, catalogue key, feed and command.

`python -m docs.make_pages` writes docs/reference/*.md; tests/docs/test_pages.py holds that they are as it would write
them.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import BaseModel

from flows.cli.examples import BY_THE_CLOCK, EXAMPLES
from flows.cli.main import make_app
from flows.home.settings import Settings
from schemas.catalog import DECK_COLUMNS, Catalog
from schemas.feed import Column, Feed
from schemas.feeds import FEEDS

Schema = dict[str, Any]
Example = Callable[[str, Any], str]
FOLDER = Path(__file__).parent / "reference"

_GENERATED = "<!-- Written by `python -m docs.make_pages`. Change what it is made from, not this page. -->"


def pages() -> dict[str, str]:
    """File name below docs/reference/ -> text."""
    return {
        "settings.md": _page(_SETTINGS, _tables(Settings, "", _as_toml, "[{}]")),
        "catalogue.md": _page(_CATALOGUE, _tables(Catalog, "", _as_yaml, "{}")),
        "feeds.md": _page(_FEEDS, _feeds()),
        "commands.md": _page(_COMMANDS, _commands()),
    }


_SETTINGS = """# Every setting

All that `tollbook.toml` may hold, table by table, as `tollbook schema settings` prints it for programs. A key that
is not here is refused with its line and what was probably meant. **Required** keys have no default. Amounts of
money are quoted text (`"24.95"`), dates are plain (`2026-01-01`).

Any setting may also come from the environment, with `TOLLBOOK_` before it and two underscores between table and
key: `TOLLBOOK_SMTP__PASSWORD`. That is the place for secrets; the environment beats the file."""
_CATALOGUE = """# Every catalogue key

All that the YAML files under `catalog/` may hold, as `tollbook schema catalog` prints it for programs. The files
are merged: one key in two of them is refused, and so is a key that is not here, with its line and what was probably
meant.

A price or a word that changed may be written by dates, first day first: `{2025-01-01: "23.95", 2026-06-01:
"24.95"}`. [Plans and prices](../prices.md) shows the keys at work."""
_FEEDS = """# Every feed and its columns

A feed is a folder `inbox/<feed>/` and the columns that a file in it may have: CSV with a header (packed as `.gz` or
not), Parquet or JSON lines. `tollbook schema FEED` prints the same. Times are ISO 8601 with offset, or naive with
the zone declared for the source. Dates are local to the account, and an end date is the last day included. Empty is
nothing. Columns that are not here are left alone; a required column that is missing refuses the file.

Rows with one key are versions of one thing: the later file counts, both are kept. A calling system's own files go
through a [source](../sources.md) and need none of these columns."""
_COMMANDS = """# Every command and option

What `tollbook COMMAND --help` says. What the commands are for, and in which order, is on [the
commands](../commands.md). The examples run as they stand beside the `demo` that `make demo` leaves (`carrier.csv`
is any price sheet)."""


def _page(head: str, body: Iterator[str]) -> str:
    return "\n".join([_GENERATED, "", head, "", *body]).rstrip() + "\n"


# ---- settings and catalogue: from their JSON Schema ----


def _tables(model: type[BaseModel], top: str, example: Example, heading: str) -> Iterator[str]:
    """A section for each table that the schema names, in the order in which they are met."""
    schema = model.model_json_schema()
    defs: dict[str, Schema] = schema.get("$defs", {})
    places: dict[str, list[str]] = {}
    _place(defs, schema, top, places)
    sections = {_anchor(where[0]) for where in places.values()}
    for name, where in places.items():
        table = defs[name]
        yield f"## `{_heading(heading, where[0])}` {{ #{_anchor(where[0])} }}"
        yield ""
        yield _prose(_sentence(re.sub(r"^\[[^]]*\]: ", "", table.get("description", ""))))
        if len(where) > 1:
            yield ""
            yield "The same keys: " + ", ".join(f"`{_heading(heading, also)}`" for also in where[1:]) + "."
        yield ""
        yield "| key | what it says, and an example | default |"
        yield "|---|---|---|"
        for key, said in table.get("properties", {}).items():
            anchor = f"{_anchor(where[0])}-{key}"
            cell = f"[`{key}`](#{anchor})" if anchor in sections else f"`{key}`{{ #{anchor} }}"
            required = key in table.get("required", [])
            told = _cell(_sentence(said.get("description", ""))) + _words(said)
            told += f"<br>{_code(example(key, _example(said)))}"
            yield f"| {cell} | {told} | {_default(said, required=required)} |"
        yield ""


def _place(defs: dict[str, Schema], schema: Schema, path: str, places: dict[str, list[str]]) -> None:
    """Notes where every table stands: `sellers.<name>.bank`."""
    for key, said in schema.get("properties", {}).items():
        named = re.match(r"(\w+) -> ", said.get("description", ""))
        for name, suffix in dict(_references(said, named[1] if named else "name")).items():
            here = ".".join(part for part in (path, key) if part) + suffix
            known = places.setdefault(name, [])
            if here not in known:
                known.append(here)
                if len(known) == 1:
                    _place(defs, defs[name], here, places)


def _references(said: Any, word: str, suffix: str = "") -> Iterator[tuple[str, str]]:
    """Tables inside a key's schema, each with what stands between the key and it: `.<word>`, or `[]` of a list."""
    if isinstance(said, list):
        for part in said:
            yield from _references(part, word, suffix)
    elif isinstance(said, dict):
        if reference := said.get("$ref"):
            yield reference.rpartition("/")[2], suffix
        for key, part in said.items():
            if key == "additionalProperties":
                by_date = said.get("propertyNames", {}).get("format") == "date"
                yield from _references(part, word, suffix if by_date else f"{suffix}.<{word}>")
            elif key == "items":
                yield from _references(part, word, f"{suffix}[]")
            elif key == "anyOf":
                yield from _references(part, word, suffix)


def _heading(form: str, path: str) -> str:
    return form.format(form.format(path.removesuffix("[]"))) if path.endswith("[]") else form.format(path)


def _words(said: Schema) -> str:
    """The closed list, or the bounds, of what a key may say."""
    for part in (said, *said.get("anyOf", []), said.get("additionalProperties") or {}):
        if isinstance(part, dict) and "enum" in part:
            return "<br>One of " + ", ".join(f"`{word}`" for word in part["enum"]) + "."
    low, high = said.get("minimum"), said.get("maximum")
    return f"<br>{low} to {high}." if low is not None and high is not None else ""


def _default(said: Schema, *, required: bool) -> str:
    if required:
        return "**required**"
    default = said.get("default")
    if default in (None, "", [], {}):
        return ""
    return f'<span class="on-phone">default </span>{_code(json.dumps(default, ensure_ascii=False))}'


def _example(said: Schema) -> Any:
    return said.get("examples", [None])[0]


def _as_toml(key: str, value: Any) -> str:
    return f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml_key(key)} = {_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _as_yaml(key: str, value: Any) -> str:
    flow = yaml.safe_dump({key: value}, default_flow_style=None, allow_unicode=True, sort_keys=False, width=10**6)
    if "\n" in flow.strip():
        flow = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6)
        return f"{key}: {flow.strip()}"
    return flow.strip().removeprefix("{").removesuffix("}") if flow.startswith("{") else flow.strip()


# ---- feeds ----


def _feeds() -> Iterator[str]:
    for feed in FEEDS.values():
        yield from _feed(feed)
    yield "## A rate deck's file { #deck }"
    yield ""
    yield "`catalog/rates/*.csv` of format `tollbook`; other sheets are declared ([decks](../decks.md))."
    yield ""
    yield "| column | default |"
    yield "|---|---|"
    for name, default in DECK_COLUMNS.items():
        yield f"| `{name}` | {'**required**' if default is None else _code(default) if default else ''} |"


def _feed(feed: Feed) -> Iterator[str]:
    yield f"## `{feed.name}` {{ #{feed.name} }}"
    yield ""
    if feed.key:
        yield "Key: " + ", ".join(f"`{name}`" for name in feed.key) + "."
        yield ""
    yield "| column | kind | meaning |"
    yield "|---|---|---|"
    for column in feed.columns:
        yield f"| `{column.name}`{' **required**' if column.required else ''} | {column.kind} | {_meaning(column)} |"
    yield ""
    for either, other in feed.one_of:
        yield f"Exactly one of `{either}` and `{other}`."
        yield ""


def _meaning(column: Column) -> str:
    words = "<br>One of " + ", ".join(f"`{word}`" for word in column.choices) + "." if column.choices else ""
    return _cell(column.meaning) + words


# ---- commands ----


def _commands() -> Iterator[str]:
    top: Any = typer.main.get_command(make_app())
    yield "## Before the command { #before }"
    yield ""
    yield from _options(top.params)
    for name, command in top.commands.items():
        for words, one in _with_subcommands(name, command):
            yield f"## `{words}` {{ #{words.replace(' ', '-')} }}"
            yield ""
            yield _prose(one.help or "")
            yield ""
            if words in EXAMPLES:
                yield from ("```text", EXAMPLES[words], "```", "")
            if words in BY_THE_CLOCK:
                yield "Goes by the day: `--today`, else `$TOLLBOOK_TODAY`, else the clock."
                yield ""
            yield from _options(one.params)


def _with_subcommands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        yield from ((f"{name} {sub}", one) for sub, one in inner.items())


def _options(params: list[Any]) -> Iterator[str]:
    shown = [param for param in params if param.name not in ("help", "install_completion", "show_completion")]
    if not shown:
        return
    yield "| word | what it says |"
    yield "|---|---|"
    for param in shown:
        is_argument = param.param_type_name == "argument"
        word = (param.metavar or param.name).upper() if is_argument else max(param.opts, key=len)
        yield f"| `{word.strip('[]')}`{' **required**' if param.required else ''} | {_cell(param.help or '')} |"
    yield ""


# ---- Markdown ----


def _anchor(path: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", re.sub("<[^>]*>", "", path).lower()).strip("-") or "top"


def _sentence(text: str) -> str:
    """Begins with a capital letter, but for what is a name: `seller_id -> …`."""
    return text if re.match(r"\w+ -> |[a-z]+_|\w+:", text) else text[:1].upper() + text[1:]


def _prose(text: str) -> str:
    """Signs that mean something in Markdown or HTML are only signs, but inside backticks."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"([*\[\]])", r"\\\1", _html(part)) for part in parts)


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def main() -> None:
    """Writes every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
