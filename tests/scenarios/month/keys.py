"""What a month scenario may say. A key that nobody reads would assert nothing: it is a fault, told with its line."""

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import yaml

from flows.home.schema import SCHEMA_VERSION, create
from flows.home.views import create_views
from schemas.document import AllowanceUse, Line, Tax
from schemas.feeds import FEEDS

ANY = "*"
"""In a shape: whatever the key is, such as the id of a call."""


def _rows(names: Iterable[str]) -> list[Any]:
    return [dict.fromkeys(names)]


def _columns(table: str) -> list[str]:
    with duckdb.connect() as con:
        create(con)
        create_views(con, SCHEMA_VERSION)
        return [name for (name,) in con.execute(f"select column_name from (describe {table})").fetchall()]


def shape(months: Iterable[str], feeds: Iterable[str], **more: Any) -> list[Any]:
    """The shape of a file of scenarios: a list is of one shape, a mapping of known keys, None is a text. more: what
    else a month may expect."""
    rows = {feed: _rows(column.name for column in FEEDS[feed].columns) for feed in feeds}
    expected = {
        **dict.fromkeys(("outcome", "kind", "is_final", "total")),
        "lines": _rows(Line.model_fields),
        "taxes": _rows(Tax.model_fields),
        "meters": _rows(AllowanceUse.model_fields),
        "suspended": {ANY: None},
        "excluded": {ANY: None},
        "usage": {ANY: dict.fromkeys(_columns("rated_usage"))},
        "parts": {ANY: _rows(_columns("line_usage"))},
        **more,
    }
    by_month = {"later": dict.fromkeys(months, rows), "expect": dict.fromkeys(months, expected)}
    return [{"name": None, "why": None, **rows, **by_month}]


REQUIRED = ("name", "accounts", "expect")


def faults(text: str, file: str, known: list[Any]) -> list[str]:
    """What a file of scenarios says that no test would read, as `file:line: scenario: found …; expected …`."""
    document = yaml.compose(text, Loader=yaml.BaseLoader)
    return [
        f"{file}:{node.start_mark.line + 1}: {_name(scenario)}: {fault}"
        for scenario in (document.value if document else [])
        for node, fault in [*_lacks(scenario), *_walk(scenario, known[0], "")]
    ]


def _name(scenario: yaml.Node) -> str:
    said = scenario.value if isinstance(scenario, yaml.MappingNode) else []
    return next((value.value for key, value in said if key.value == "name"), "a scenario without name")


def _lacks(scenario: yaml.Node) -> Iterator[tuple[yaml.Node, str]]:
    said = {key.value for key, _ in scenario.value} if isinstance(scenario, yaml.MappingNode) else set()
    for key in REQUIRED:
        if key not in said:
            yield scenario, f"found no {key}; expected {', '.join(REQUIRED)} in every scenario"


def _walk(node: yaml.Node, known: Any, where: str) -> Iterator[tuple[yaml.Node, str]]:
    expected = "a list" if isinstance(known, list) else "a mapping" if isinstance(known, dict) else "a text"
    if _is(node) != expected:
        yield node, f"found {_is(node)} in {where or 'the file'}; expected {expected}"
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _walk(part, known[0], where)
    elif isinstance(node, yaml.MappingNode):
        yield from _walk_mapping(node, known, where)


def _is(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a text"


def _walk_mapping(node: yaml.MappingNode, known: dict[str, Any], where: str) -> Iterator[tuple[yaml.Node, str]]:
    if not node.value:
        yield node, f"found nothing in {where}; expected one of {', '.join(known)}"
    seen: set[str] = set()
    for key, value in node.value:
        place = f"{where}.{key.value}".removeprefix(".")
        if key.value in seen:
            yield key, f"found {place} twice; expected each key once"
        elif key.value not in known and ANY not in known:
            yield key, f"found {place}; expected one of {', '.join(known)}"
        else:
            yield from _walk(value, known.get(key.value, known.get(ANY)), place)
        seen.add(key.value)
