"""What docstrings, comments and documents call by name is there: modules, what is in them, files, folders, names.

A name in backticks must be written somewhere in code, SQL or data: whoever renames it meets the sentence about it.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("flows", "rating", "taxes", "invoicing", "templates", "schemas", "data", "tests")
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    # The homes of earlier versions say how they were made, in the words of the program that made them.
    if not path.relative_to(ROOT).parts[0].startswith(".") and not path.is_relative_to(ROOT / "tests" / "homes")
)
SOURCES = sorted(path for top in CODE for ending in ("py", "sql") for path in (ROOT / top).rglob(f"*.{ending}"))
NAMES = {path.name for top in (*CODE, ".") for path in (ROOT / top).glob("**/*" if top != "." else "*")}

_TOP = "|".join(CODE)
_DOTTED = re.compile(rf"(?<![\w./-])(?:{_TOP})(?:\.[A-Za-z_]\w*)+(?![\w/-])")
_PATH = re.compile(rf"(?<![\w./-])(?:{_TOP})/[\w./*<>-]*[\w/*>]")
_FILE = re.compile(r"(?<![\w./*<>-])[a-z_]\w*\.(?:py|sql)\b")
_ENDINGS = ("py", "sql", "yaml", "yml", "csv", "toml", "html", "css", "md", "po", "json", "parquet")
_TICKED = re.compile(r"`([A-Za-z_]\w*)`")
_DATA = ("yaml", "toml", "csv", "html", "css")


def texts(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of what is written for people."""
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield node.lineno, node.value.value
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    elif path.suffix == ".sql":
        yield from ((number, line.partition("--")[2]) for number, line in enumerate(text.splitlines(), 1))
    else:
        yield from enumerate(text.splitlines(), 1)


def unknown(path: Path, text: str) -> list[str]:
    """`line: name` of every module, file or folder that is named and is not there."""
    missing = []
    for line, said in texts(path, text):
        dotted = [name for name in _DOTTED.findall(said) if name.rpartition(".")[2] not in _ENDINGS]
        missing += [f"{line}: {name}" for name in dotted if not _is_module_or_in_one(name)]
        missing += [f"{line}: {name}" for name in _PATH.findall(said) if not _is_path(name)]
        missing += [f"{line}: {name}" for name in _FILE.findall(said) if name not in NAMES]
        if path.suffix != ".md":
            missing += [f"{line}: {name}" for name in _TICKED.findall(said) if name not in written()]
    return missing


@cache
def written() -> frozenset[str]:
    """Every word that stands in code, SQL or data, and not only in what is written about them."""
    found = set(re.findall(r"\w+", (ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".sql":
            found |= set(re.findall(r"\w+", re.sub("--.*", "", text)))
        else:
            said = {line for line, _ in texts(path, text)}
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type != tokenize.COMMENT and not (token.type == tokenize.STRING and token.start[0] in said):
                    found |= set(re.findall(r"\w+", token.string))
    for path in (path for top in CODE for ending in _DATA for path in (ROOT / top).rglob(f"*.{ending}")):
        found |= set(re.findall(r"\w+", path.read_text(encoding="utf-8", errors="ignore")))
    return frozenset(found)


def _is_module_or_in_one(name: str) -> bool:
    """flows.home.store, schemas.money.rounded, flows.home.store.Store.append."""
    parts = name.split(".")
    known = 1
    while known < len(parts) and find_spec(".".join(parts[: known + 1])):
        known += 1
        if not (ROOT / Path(*parts[:known])).is_dir():
            break
    found = import_module(".".join(parts[:known]))
    for part in parts[known:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def _is_path(name: str) -> bool:
    pattern = re.sub(r"<[^>]*>", "*", name).rstrip("/.")
    return (ROOT / pattern).exists() or any(ROOT.glob(pattern)) or any(ROOT.glob(f"{pattern}.*"))


def test_there_is_something_to_read() -> None:
    read = [name for path in DOCUMENTS for name in _PATH.findall(path.read_text(encoding="utf-8"))]
    assert len(read) > 10


@pytest.mark.parametrize("top", ["documents", *CODE])
def test_what_is_named_is_there(top: str) -> None:
    paths = DOCUMENTS if top == "documents" else [path for path in SOURCES if path.is_relative_to(ROOT / top)]
    missing = {path.relative_to(ROOT).as_posix(): unknown(path, path.read_text(encoding="utf-8")) for path in paths}
    assert paths
    assert {path: names for path, names in missing.items() if names} == {}


@pytest.mark.parametrize(
    "said",
    [
        "flows.home.stores", "flows.home.store.Stores", "flows/ingest/source_presets.py", "source_presets.py",
        "rating/nothing.py", "flows/ingest/nowhere/", "tests.flows.nothing",
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_seen(said: str) -> None:
    for path, text in (("a.py", f'"""As {said} says."""\n'), ("a.py", f"x = 1  # see {said}\n"), ("a.md", f"`{said}`")):
        assert [fault.partition(": ")[2].rstrip("/") for fault in unknown(Path(path), text)] == [said.rstrip("/")]


def test_a_name_in_backticks_that_is_written_nowhere_is_seen() -> None:
    nowhere = "write_" + "nothing"
    assert unknown(Path("a.py"), f'"""What `{nowhere}` left; `read_rated` reads it."""\n') == [f"1: {nowhere}"]


@pytest.mark.parametrize(
    "said",
    [
        "flows.home.store", "flows.home.store.Store.append", "flows/ingest/", "flows/ingest/parse.py", "parse.py",
        "templates/locale/<language>", "flows/presets/families/*.py", "schemas.money.rounded",
    ],
)  # fmt: skip
def test_a_name_that_is_there_is_none(said: str) -> None:
    assert unknown(Path("a.md"), f"See {said}.") == []
