"""Check files as read: YAML in which every scalar is text, with the line of every mistake (CONTRACT, section 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rating.checks.given import NULLS
from schemas.errors import WrongUsage
from schemas.reading import MERGE, kind_of, read_yaml, wrong

Shape = Any
"""What may stand somewhere: None is a scalar, [shape] a list of it, {key: shape} a mapping of these keys."""

_TIERS = [dict.fromkeys(("up_to", "unit_price", "percent", "flat_fee"))]
_STEPS = [dict.fromkeys(("from_s", "price", "per_s", "increment_s"))]
_RATE: dict[str, Shape] = {"connect_fee": None, "steps": _STEPS}

SUBJECTS: dict[str, tuple[str, dict[str, Shape]]] = {
    "call": (
        "amount",
        {
            **dict.fromkeys(("seconds", "minimum_s", "grace_s", "max_charge", "started_at", "time_zone")),
            **_RATE,
            "rounding": dict.fromkeys(("digits", "mode")),
            "bands": [{"days": [None], "from": None, "to": None, **_RATE}],
            "holidays": [None],
        },
    ),
    "match": (
        "rate_id",
        {"number": None, "date": None, "deck": [dict.fromkeys(("prefix", "rate_id", "valid_from", "valid_to"))]},
    ),
    "price": (
        "amount",
        {
            **dict.fromkeys(("model", "quantity", "unit_price", "package_size", "package_price", "free_units")),
            **dict.fromkeys(("percent", "discount_percent", "minimum", "maximum", "period_closes")),
            "tiers": _TIERS,
            "already_billed": dict.fromkeys(("quantity", "amount")),
        },
    ),
    "proration": ("fraction", {"day_count": None, "period": [None], "part": [None]}),
    "recurring": (
        "cycles",
        dict.fromkeys(("interval_months", "bill_day", "start", "end", "day_count", "billed_until")),
    ),
    "tax": (
        "tax",
        {"currency": None, "lines": [None], "rates_percent": [None], "taxable_percent": None, "rounding": None},
    ),
    "tax_rate": ("percent", dict.fromkeys(("country", "region", "tax", "date"))),
    "sms": ("credits", {"text": None}),
}
"""subject -> the value it gives, and the shape of its mapping."""


@dataclass(frozen=True)
class Case:
    """One case of a file. `expected` is its text, None for null; `line` is where it begins."""

    file: str
    line: int
    name: str
    subject: str
    given: dict[str, Any]
    result: str
    expected: str | None


def read_cases(path: Path, shown_as: str) -> list[Case]:
    """The cases of a file. Raises WrongUsage with file and line for anything that is no case."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise WrongUsage(f"{shown_as}: cannot be read: {reason}") from None
    root = read_yaml(text, shown_as, "texts").root
    if not isinstance(root, yaml.SequenceNode):
        raise wrong(shown_as, root, kind_of(root), "a list of cases")
    return [_case(shown_as, node) for node in root.value]


def _case(file: str, node: yaml.Node) -> Case:
    entries = _entries(file, node)
    name = entries.pop("name", None)
    if not isinstance(name, yaml.ScalarNode) or name.value in NULLS:
        raise wrong(file, name or node, "a case without a name", "name: a text")
    expect = entries.pop("expect", None)
    source = entries.pop("source", None)
    if source is not None and not isinstance(source, yaml.ScalarNode):
        raise wrong(file, source, kind_of(source), "source: a text")
    unknown = next((key for key in entries if key not in SUBJECTS), None)
    if unknown is not None:
        raise wrong(file, _key_node(node, unknown), f"{unknown!r}", f"one of {', '.join(SUBJECTS)}")
    if len(entries) != 1:
        raise wrong(file, node, f"{len(entries)} subjects in case {name.value!r}", "exactly one")
    if expect is None:
        raise wrong(file, node, f"case {name.value!r} without expect", "expect: the value that is right")
    ((subject, body),) = entries.items()
    result, shape = SUBJECTS[subject]
    given = _value(file, body, shape)
    expected = _value(file, expect, {result: None})
    if result not in expected:
        raise wrong(file, expect, "expect without a value", f"expect: {{{result}: …}}")
    value = expected[result]
    return Case(
        file, node.start_mark.line + 1, name.value, subject, given, result, None if value.strip() in NULLS else value
    )


def _value(file: str, node: yaml.Node, shape: Shape) -> Any:
    """A node as plain data of texts, when it has the shape."""
    empty = isinstance(node, yaml.ScalarNode) and node.value in NULLS
    if shape is None:
        if not isinstance(node, yaml.ScalarNode):
            raise wrong(file, node, kind_of(node), "a single value")
        return node.value
    if isinstance(shape, list):
        if empty:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise wrong(file, node, kind_of(node), "a list")
        return [_value(file, item, shape[0]) for item in node.value]
    if empty:
        return {}
    entries = {}
    for key, value in _entries(file, node).items():
        if key not in shape:
            raise wrong(file, _key_node(node, key), f"{key!r}", f"one of {', '.join(shape)}")
        entries[key] = _value(file, value, shape[key])
    return entries


def _entries(file: str, node: yaml.Node) -> dict[str, yaml.Node]:
    """A mapping's values by key; what `<<` brings in gives way to what stands there."""
    if not isinstance(node, yaml.MappingNode):
        raise wrong(file, node, kind_of(node), "a mapping with keys")
    own: dict[str, yaml.Node] = {}
    merged: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value == MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                merged = {**_entries(file, source), **merged}
        else:
            own[key.value] = value
    return {**merged, **own}


def _key_node(node: yaml.Node, name: str) -> yaml.Node:
    """Where a key stands, for its line; the mapping itself when it was merged into it."""
    return next((key for key in _keys(node) if key.value == name), node)


def _keys(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        yield from (key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
