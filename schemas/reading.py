"""Files that people write: YAML read once with the line of everything in it, and each fault as one sentence.

Text in, data out; whoever opens the file says what messages call it. A key that stands twice is refused, because the
second would silently win; so is an anchor inside itself, which no table can hold.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import yaml
from pydantic_core import ErrorDetails

from schemas.errors import Fault, WrongUsage

Types = Literal["yaml", "numbers", "texts"]
"""What a bare word may be: all that YAML knows, dates and merge keys included; numbers and null alone, so that NO and
ON stay Norway and Ontario and a date the text it is written as; or nothing but the text it is."""

MERGE = "<<"
"""The key whose value brings in the keys of another mapping."""

# Ten times as fast as the same loader in Python, which is used where PyYAML was built without libyaml.
_Safe: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Numbers(_Safe):  # type: ignore[valid-type, misc]
    yaml_implicit_resolvers = {  # noqa: RUF012 PyYAML declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("int", "float", "null")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Texts(_Safe):  # type: ignore[valid-type, misc]
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


_LOADERS: dict[Types, type[yaml.SafeLoader]] = {"yaml": _Safe, "numbers": _Numbers, "texts": _Texts}


@dataclass(frozen=True)
class Yaml:
    """A file as read: `data` as plain values, `root` with the line of each; both None for an empty file."""

    file: str
    data: Any
    root: yaml.Node | None

    def line_of(self, keys: Sequence[Any]) -> int | None:
        """The line of the deepest of these keys (and places in lists) that stands in the file, 1 the first."""
        node, line = self.root, None
        for key in keys:
            entry = _under(node, key)
            if entry is None:
                break
            at, node = entry
            line = at.start_mark.line + 1
        return line

    def fault(self, error: ErrorDetails) -> str:
        """What pydantic found wrong in it: file, line, key, and what is wrong."""
        line = self.line_of(error["loc"])
        return f"{self.file}{f', line {line}' if line else ''}: {fault_text(error)}"


def read_yaml(text: str, file: str, types: Types = "yaml") -> Yaml:
    """The one document in `text`; `file` is what messages call it. Raises WrongUsage with file and line."""
    loader = None
    try:
        loader = _LOADERS[types](text)
        root = loader.get_single_node()
        if root is None:
            return Yaml(file, None, None)
        _refuse_double_keys(file, root, loader)
        return Yaml(file, loader.construct_document(root), root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else file
        raise WrongUsage(f"{where}: {getattr(error, 'problem', None) or error}") from None
    finally:
        if loader is not None:
            loader.dispose()


def wrong(file: str, node: yaml.Node | None, found: str, expected: str) -> WrongUsage:
    """An error that names file and line of a node."""
    line = node.start_mark.line + 1 if node is not None else 1
    return WrongUsage(str(Fault(file, line, None, found, expected)))


def kind_of(node: yaml.Node | None) -> str:
    """What stands there, in words."""
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value)
    return {"sequence": "a list", "mapping": "a mapping"}.get(getattr(node, "id", ""), "nothing")


def fault_text(error: ErrorDetails) -> str:
    """One pydantic error as `key: what is wrong (found …)`. What stands under a password, or in [smtp], is not
    repeated."""
    keys = [_written(part) for part in error["loc"]]
    key = ".".join(part for part in keys if part not in ("[key]", _ALWAYS))
    if error["type"] == "missing":
        return f"{key}: missing"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key"
    elif error["type"] == "literal_error":
        message = f"expected {error['ctx']['expected'].replace(chr(39), '')}"
    given = error.get("input")
    is_secret = "password" in key or keys[:1] == ["smtp"]
    shown = "" if isinstance(given, dict | list) or is_secret else f" (found {given!r})"
    return f"{key}: {message}{shown}" if key else message


_ALWAYS = date.min.isoformat()
"""The date of a value that has none (schemas/dated.py), which nobody wrote."""


def _written(part: Any) -> str:
    """A place in pydantic's path as the file has it: a date that is a key comes back as the text of an object."""
    day = re.fullmatch(r"datetime\.date\((\d+), (\d+), (\d+)\)", str(part))
    return date(*(int(number) for number in day.groups())).isoformat() if day else str(part)


def _under(node: yaml.Node | None, key: Any) -> tuple[yaml.Node, yaml.Node] | None:
    """Where a key or an item of a list stands, and its value."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key]
    if isinstance(node, yaml.MappingNode):
        # What was merged in stands before the mapping's own keys, which win.
        return next((pair for pair in reversed(node.value) if pair[0].value == _written(key)), None)
    return None


def _refuse_double_keys(file: str, root: yaml.Node, loader: yaml.SafeLoader) -> None:
    """Walks all that was composed, once, before merges are resolved; what anchors share is looked at once."""
    looked_at: set[int] = set()

    def look(node: yaml.Node, above: frozenset[int]) -> None:
        if isinstance(node, yaml.ScalarNode) or id(node) in looked_at:
            return
        above |= {id(node)}
        for at, value in _inside(file, node, loader):
            if id(value) in above:
                raise wrong(file, at, "an anchor inside itself", "data that ends")
            look(value, above)
        looked_at.add(id(node))

    look(root, frozenset())


def _inside(file: str, node: yaml.Node, loader: yaml.SafeLoader) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Where each value of a list or mapping stands, and the value."""
    if isinstance(node, yaml.SequenceNode):
        yield from ((value, value) for value in node.value)
        return
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise wrong(file, key, kind_of(key), "a key")
        is_text = key.tag.endswith(":str") or key.value == MERGE
        named = key.value if is_text else loader.construct_object(key)
        if named in seen and named != MERGE:
            raise WrongUsage(
                f"{file}, line {key.start_mark.line + 1}: {key.value} is given twice; expected each key once"
            )
        seen.add(named)
        yield key, value
