"""Every key says what it is and how it looks, and one that nobody knows is told with its line and what was meant."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from flows.catalog.load import load_catalog
from flows.home.init import init_home
from flows.home.settings import Home, Settings, load_settings
from flows.home.toml_lines import line_of
from schemas.catalog import Catalog
from schemas.errors import WrongUsage


def undescribed(model: type[BaseModel]) -> list[str]:
    """Keys of the JSON Schema without a description or an example."""
    schema: dict[str, Any] = model.model_json_schema()
    tables = {model.__name__: schema, **schema.get("$defs", {})}
    return [
        f"{name}.{key} lacks {' and '.join(lacks)}"
        for name, table in tables.items()
        for key, said in table.get("properties", {}).items()
        if (lacks := [word for word in ("description", "examples") if not said.get(word)])
    ]


@pytest.mark.parametrize("model", [Settings, Catalog])
def test_every_key_has_a_description_and_an_example(model: type[BaseModel]) -> None:
    assert undescribed(model) == []


@pytest.fixture
def home(tmp_path: Path) -> Home:
    init_home(tmp_path / "home", sample=False)
    return Home(tmp_path / "home")


@pytest.mark.parametrize(
    ("before", "after", "line_with", "says"),
    [
        ("[billing]", "[billing]\nlookback_month = 3", "lookback_month =", "did you mean lookback_months?"),
        ("[run]", "[rum]", "[rum]", "did you mean run?"),
        ("[decks.world]", '[decks.world]\n"currenzy" = "USD"', "currenzy", "did you mean currency?"),
        ("[billing]", "billing.zzz = 1\n[billingx]", "billing.zzz", "expected one of "),
        ('{ name = "Sample Bank"', '{ nane = "Sample Bank"', "nane", "did you mean name?"),
        ('    { label = "EIN"', '    { labell = "x", label = "EIN"', "labell", "did you mean label?"),
    ],
)
def test_an_unknown_setting_is_told_with_its_line(
    home: Home, before: str, after: str, line_with: str, says: str
) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    assert before in text
    changed = text.replace(before, after, 1)
    home.settings_file.write_text(changed, encoding="utf-8")
    line = next(number for number, line in enumerate(changed.splitlines(), 1) if line_with in line)
    with pytest.raises(WrongUsage) as refused:
        load_settings(home)
    assert any(
        fault.startswith(f"tollbook.toml, line {line}: ") and "unknown key" in fault and says in fault
        for fault in str(refused.value).splitlines()
    ), str(refused.value)


def test_what_an_unknown_key_holds_is_not_repeated(home: Home) -> None:
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write('\n[smtp]\nhost = "smtp.example"\npasswrd = "open sesame"\n')
    with pytest.raises(WrongUsage, match="did you mean password") as refused:
        load_settings(home)
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prodcts:\n  x: {}\n", "own.yaml, line 1: prodcts: unknown key; did you mean products?"),
        ("products:\n  x:\n    nmae: X\n", "own.yaml, line 3: products.x.nmae: unknown key"),
        ("plans:\n  y:\n    usage:\n      sms: {rate: {prise: '1'}, charged: z}\n", "did you mean price?"),
    ],
)
def test_an_unknown_key_of_the_catalogue_is_told_with_its_line(home: Home, text: str, says: str) -> None:
    (home.catalog / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WrongUsage) as refused:
        load_catalog(home)
    assert says in str(refused.value)


def test_a_key_is_found_behind_its_header_and_inside_its_value() -> None:
    text = '[a]\nx = 1\n[b."c.d"]\nx = 2\ny = [\n  { p = 1 },\n  { q = 2 },\n]\n'
    assert [line_of(text, keys) for keys in (["a", "x"], ["b", "c.d", "x"], ["b", "c.d", "y", 1, "q"], ["z"])] == [
        *(2, 4, 7),
        None,
    ]
