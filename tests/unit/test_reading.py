"""YAML read once: types, double keys, anchors, and the line of what is wrong."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

import schemas.reading
from flows.catalog.load import load_catalog
from flows.home.settings import Home
from schemas.dated import DatedExact
from schemas.errors import WrongUsage
from schemas.reading import Types, fault_text, read_yaml

REPOSITORY = Path(__file__).parents[2]
FILES = sorted((REPOSITORY / "data").rglob("*.yaml")) + sorted((REPOSITORY / "tests").rglob("*.yaml"))


@pytest.fixture(params=["in C", "in Python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both loaders, for PyYAML may have been built without libyaml."""
    if request.param == "in Python":
        resolvers = {types: made.yaml_implicit_resolvers for types, made in schemas.reading._LOADERS.items()}
        slow = {
            types: type("Slow", (yaml.SafeLoader,), {"yaml_implicit_resolvers": found})
            for types, found in resolvers.items()
        }
        monkeypatch.setattr(schemas.reading, "_LOADERS", slow)


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("types", "data"),
    [
        ("yaml", {"day": date(2026, 6, 1), "on": False, "n": 1, "x": 1.5, "z": None, "m": {"a": 2, "b": 3}}),
        ("numbers", {"day": "2026-06-01", "on": "no", "n": 1, "x": 1.5, "z": None, "m": {"<<": {"b": 3}, "a": 2}}),
        ("texts",
         {"day": "2026-06-01", "on": "no", "n": "1", "x": "1.5", "z": "null", "m": {"<<": {"b": "3"}, "a": "2"}}),
    ],
)  # fmt: skip
def test_what_a_bare_word_is_depends_on_who_reads(types: Types, data: dict[str, Any]) -> None:
    text = 'day: 2026-06-01\n"on": no\nn: 1\nx: 1.5\nz: null\nm: {<<: {b: 3}, a: 2}'
    assert read_yaml(text, "a.yaml", types).data == data


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "a.yaml, line 5: c is given twice"),
        ("x: &x {a: 1}\ny: {<<: *x, <<: *x, b: 1,\n  b: 2}\n", "a.yaml, line 3: b is given twice"),
        ("1: a\n0x1: b\n", "a.yaml, line 2: 0x1 is given twice"),
        ("a: 1\n'a': 2\n", "a.yaml, line 2: a is given twice"),
        ("a: 1\nb: &b\n  - 1\n  - *b\n", "a.yaml, line "),
        ("a: 1\nb: &b\n  <<: *b\n", "a.yaml, line 3: found an anchor inside itself"),
        ("a: 1\n? [b]\n: 2\n", "a.yaml, line 2: found a list; expected a key"),
        ("a: 1\nb: !python/none x\n", "a.yaml, line 2: could not determine a constructor"),
        ("a: 1\n--- \nb: 2\n", "a.yaml, line 2: but found another document"),
        ("a: 1\nb: [1\n", "a.yaml, line "),
        ("a: 1\nb: c: d\n", "a.yaml, line 2: mapping values are not allowed"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_line(text: str, said: str) -> None:
    with pytest.raises(WrongUsage) as refused:
        read_yaml(text, "a.yaml")
    assert str(refused.value).startswith(said)


@pytest.mark.usefixtures("_loader")
def test_an_empty_file_is_nothing_and_what_is_merged_twice_is_no_double_key() -> None:
    assert read_yaml("# nothing\n", "a.yaml").data is None
    text = "deep: {er: {x: &a {k: 1}, y: &b {<<: *a, k: 2}}}\nz: {<<: *b, k: 3}\nb: {<<: [*a, *b], l: 1}\n"
    found = read_yaml(text, "a.yaml")
    assert (found.data["z"], found.data["b"], found.data["deep"]["er"]["y"]) == ({"k": 3}, {"k": 1, "l": 1}, {"k": 2})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_every_file_is_read_as_the_plain_loaders_read_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert read_yaml(text, path.name).data == yaml.safe_load(text)


class _Sold(BaseModel):
    model_config = ConfigDict(extra="forbid")
    prices: DatedExact
    listed: list[int] = []
    password: int = 0
    code: str = ""


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices:\n  2025-01-01: '1'\n  2026-01-01: 0.1\n",
         'a.yaml, line 3: prices.2026-01-01: expected a quoted number: "0.1" (found 0.1)'),
        ("prices: 0.1\n", 'a.yaml, line 1: prices: expected a quoted number: "0.1" (found 0.1)'),
        ("prices: '1'\nlisted: [1,\n  x]\n", "a.yaml, line 3: listed.1: Input should be a valid integer"),
        ("x: &x {prices: 0.1, code: A}\n", "a.yaml, line 1: x: unknown key"),
        ("\nprices: '1'\nprize: 2\n", "a.yaml, line 3: prize: unknown key (found 2)"),
        ("code: A\n", "a.yaml: prices: missing"),
    ],
)  # fmt: skip
def test_a_fault_is_told_by_file_line_and_key(text: str, said: str) -> None:
    read = read_yaml(text, "a.yaml")
    with pytest.raises(ValidationError) as error:
        _Sold.model_validate(read.data)
    assert any(read.fault(one).startswith(said) for one in error.value.errors()), [
        read.fault(one) for one in error.value.errors()
    ]


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as error:
        _Sold.model_validate({"prices": "1", "password": "s3cret"})
    (text,) = (fault_text(one) for one in error.value.errors())
    assert text.startswith("password: ")
    assert "s3cret" not in text


def test_a_fault_of_the_catalogue_names_the_file_that_says_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.catalog.mkdir()
    (home.catalog / "a.yaml").write_text("products: {}\n", encoding="utf-8")
    product = "products:\n  seat:\n    name: Seat\n    section: none\n    prices:\n      EUR:\n       2026-01-01: 3.1\n"
    (home.catalog / "b.yaml").write_text(product, encoding="utf-8")
    with pytest.raises(WrongUsage) as refused:
        load_catalog(home)
    said = str(refused.value).splitlines()
    assert said[0].startswith("catalog/b.yaml, line 4: products.seat.section: expected service_fees, phone_numbers")
    assert (
        'catalog/b.yaml, line 7: products.seat.prices.EUR.2026-01-01: expected a quoted number: "3.1" (found 3.1)'
        in said
    )
    (home.catalog / "b.yaml").write_text("plans: []\nproducts: 5\n", encoding="utf-8")
    with pytest.raises(WrongUsage, match=r"catalog/b\.yaml, line 2: products: expected a mapping"):
        load_catalog(home)
    (home.catalog / "a.yaml").write_text("products:\n  seat: {}\n", encoding="utf-8")
    (home.catalog / "b.yaml").write_text(product, encoding="utf-8")
    with pytest.raises(WrongUsage, match=r"catalog/b\.yaml, line 2: products\.seat already stands in catalog/a\.yaml"):
        load_catalog(home)
