"""Layouts as data: each says only what there is to say, and a new one is a file of its own and nothing else."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from flows.decks.formats import FORMATS
from flows.home import file_settings
from flows.home.deck_formats import DeckFormat
from flows.home.file_settings import SOURCE_FORMATS, SourceSettings
from flows.ingest.layouts import KINDS
from flows.presets import families, known
from flows.presets.known import PRESETS
from flows.presets.names import preset_names
from schemas.feeds import FEEDS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_speaks_of_columns_kinds_and_keys_that_there_are(name: str) -> None:
    preset = PRESETS[name]
    canonical = {column.name for column in FEEDS[preset.feed].columns}
    assert {*preset.names, *preset.makes, *preset.needs} <= canonical
    assert {*preset.kinds} <= {*KINDS}
    assert bool(preset.columns) or not preset.optional
    assert not preset.needs or "csv" in preset.kinds
    assert not preset.pages or "json" in preset.kinds
    assert not preset.by_segment or "message_id" in preset.names
    assert {*preset.asks} <= {*SourceSettings.model_fields}
    # Checked as a declaration is: a key that is none, or a value that it may not have, is refused.
    SourceSettings(feed=preset.feed, format=name, path="inbox/x/*", **preset.defaults)


def test_a_file_of_families_is_all_that_a_new_layout_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text(
        "from flows.presets.preset import Preset\n"
        'PRESETS = {"planted_pbx": Preset(feed="calls", kinds=("csv",), names={"call_id": "Id"})}\n'
    )
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    assert {*known.all_presets()} == {*PRESETS, "planted_pbx"}
    assert preset_names() == [*known.all_presets()]
    monkeypatch.setattr(file_settings, "SOURCE_FORMATS", [*KINDS, *preset_names()])
    assert SourceSettings(feed="calls", format="planted_pbx", path="inbox/calls/x/*").format == "planted_pbx"


def test_an_unknown_format_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match=r"found format 'asterix'; expected one of csv, .*asterisk_custom"):
        SourceSettings(feed="calls", format="asterix", path="inbox/calls/x/*")
    listed = SourceSettings.model_json_schema()["properties"]["format"]["enum"]
    assert listed == SOURCE_FORMATS == [*KINDS, *PRESETS]


def test_the_deck_layouts_that_settings_name_are_those_that_there_are() -> None:
    assert {*get_args(DeckFormat)} == {*FORMATS}


def test_every_layout_has_its_page_and_its_line_in_the_table() -> None:
    folder = Path(families.__path__[0])
    table = (folder.parent / "README.md").read_text(encoding="utf-8")
    for module in sorted(folder.glob("*.py")):
        if module.stem == "__init__":
            continue
        page = (folder / f"{module.stem}.md").read_text(encoding="utf-8")
        own = [name for name in PRESETS if f'"{name}": ' in module.read_text(encoding="utf-8")]
        assert own, f"{module.name} names its layouts in words"
        assert f"(families/{module.stem}.md)" in table, module.stem
        for name in own:
            assert f"`{name}`" in page, f"{module.stem}.md says nothing of {name}"
            assert f"`{name}`" in table, f"the table says nothing of {name}"
        for heading in ("**Layouts", "**Declare", "**What cannot be known from the file", "**Traps"):
            assert heading in page, f"{module.stem}.md: {heading}"


def test_every_layout_is_proved_over_a_file_of_its_own() -> None:
    """The older ones, of a time before the table, in tests/flows/test_source_layouts.py."""
    proved = {path.parent.name for path in (Path(__file__).parents[1] / "presets").glob("*/expected.csv")}
    older = {
        "asterisk_custom", "bandwidth_messages", "freeswitch", "freeswitch_asterisk", "freeswitch_json", "goto_history",
        "goto_reports", "telnyx_messages", "twilio_messages",
    }  # fmt: skip
    assert proved | older == {*PRESETS}
