"""source try on times that are not ISO 8601: a system's own layout is told by its header, and the form is proposed."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.ask.source_try import SourceTrial, try_source
from flows.ingest.time_forms import best_forms
from tests.flows.test_source_try import HEAD, pasted, read_as_pasted

NOW = datetime(2026, 6, 2, tzinfo=UTC)
PRESETS = Path(__file__).parents[1] / "presets"
_WRITTEN = re.compile(r"\b(2026)[-/]0?(\d{1,2})[-/]0?(\d{1,2})[ T]0?(\d{1,2}):(\d{2})(:\d{2})?(?![\d:])")


def rewritten(text: str, form: str) -> str:
    """A file of ours with all its times in another form, as Python writes it."""

    def written(found: re.Match[str]) -> str:
        year, month, day, hour, minute = (int(found[place]) for place in range(1, 6))
        return datetime(year, month, day, hour, minute, int((found[6] or ":0")[1:]), tzinfo=UTC).strftime(form)

    return _WRITTEN.sub(written, text)


FORMS = (
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%Y/%m/%d %I:%M %p",
    "%d-%b-%Y %H:%M:%S",
    "%d-%m-%y %H:%M",
    "%Y%m%d%H%M%S",
    "%I:%M:%S %p %m/%d/%Y",
)
FILES = (
    "yeastar/cdr.csv",
    "zoom_phone/portal.csv",
    "grandstream_ucm_download/Master.csv",
    "8x8/report.csv",
    "kamailio_acc_cdrs/acc_cdrs.csv",
    "opensips_acc/acc.csv",
    "asterisk/Master.csv",
    "avaya_smdr/smdr.csv",
    "threecx_v16/cdr.log",
)


WRITTEN = [(FILES[0], form) for form in FORMS]
WRITTEN += [(name, FORMS[at % len(FORMS)]) for at, name in enumerate(FILES[1:])]
"""One system in every form, each of the others in one."""


@pytest.mark.parametrize(("name", "form"), WRITTEN)
def test_a_system_is_told_by_its_header_however_it_writes_times(name: str, form: str, tmp_path: Path) -> None:
    source = PRESETS / name
    text = rewritten(source.read_text(encoding="utf-8"), form)
    path = tmp_path / source.name
    path.write_text(text, encoding="utf-8")
    own, trial = try_source(source, NOW, like=source.parent.name), try_source(path, NOW)
    told = trial.as_json()
    assert told["layout"] == source.parent.name, told["tried"]
    assert told["read"] == own.as_json()["read"], told["rejects"]
    assert told["time_format"] is not None
    started = [record["started_at"][:16] for record in own.as_json()["understood"]]
    if "time_format" not in told["asked"]:
        assert [record["started_at"][:16] for record in told["understood"]] == started
    assert "times are read as " in "\n".join(trial.lines())
    assert f'time_format = "{told["time_format"]}"' in told["settings"]
    if " = …" not in told["settings"]:  # what only its owner can say
        assert read_as_pasted(path, trial) == told["read"]


def test_a_column_of_utc_without_saying_so_is_none_in_another_form(tmp_path: Path) -> None:
    source = PRESETS / "telnyx_calls" / "cdr.csv"
    path = tmp_path / source.name
    path.write_text(rewritten(source.read_text(encoding="utf-8"), "%d.%m.%Y %H:%M:%S"), encoding="utf-8")
    told = try_source(path, NOW).as_json()
    assert (told["layout"], told["time_format"]) == ("telnyx_calls", "%d.%m.%Y %H:%M:%S")
    assert told["understood"][0]["started_at"] == "2026-05-05 10:00:00", (
        "the start that is local, for its zone is asked"
    )


def test_times_that_a_layout_reckons_with_are_read_in_the_declared_form(tmp_path: Path) -> None:
    source = PRESETS / "teams_direct_routing" / "DirectRouting.calls.2026-06-01.csv"
    text = re.sub(r"\.[0-9]+Z|(?<=[0-9])Z", "", source.read_text(encoding="utf-8"))
    path = tmp_path / source.name
    path.write_text(rewritten(text, "%d.%m.%Y %H:%M:%S"), encoding="utf-8")
    told, own = try_source(path, NOW).as_json(), try_source(source, NOW, like="teams_direct_routing").as_json()
    assert (told["layout"], told["time_format"]) == ("teams_direct_routing", "%d.%m.%Y %H:%M:%S")
    assert told["read"] == own["read"]
    seconds = [[record["seconds"] for record in shown["understood"]] for shown in (told, own)]
    assert seconds == [[60, 0, 120, 30, 60]] * 2


def _calls(folder: Path, *starts: str) -> SourceTrial:
    lines = "".join(
        f'c{at},"{start}",outbound,+16175550101,+442079460001,60,ANSWERED,,x\n' for at, start in enumerate(starts)
    )
    path = folder / "cdr.csv"
    path.write_text(HEAD + lines, encoding="utf-8")
    return try_source(path, NOW)


@pytest.mark.parametrize(
    ("starts", "form"),
    [
        (["05/14/2026 10:00:00 AM"], "%m/%d/%Y %I:%M:%S %p"),
        (["5/14/2026 1:05 PM", "5/2/2026 11:05 am"], "%m/%d/%Y %I:%M %p"),
        (["May 6, 2026 10:00:00 AM"], "%b %d, %Y %I:%M:%S %p"),
        (["May 6, 2026 10:00:00 AM", "April 30, 2026 9:00:00 PM"], "%B %d, %Y %I:%M:%S %p"),
        (["2026/05/04 10:00"], "%Y/%m/%d %H:%M"),
        (["04.05.2026 10:00:00"], "%d.%m.%Y %H:%M:%S"),
        (["04.05.26, 10:00"], "%d.%m.%y, %H:%M"),
        (["Mon, 04 May 2026 10:00:00 +0200"], "%a, %d %b %Y %H:%M:%S %z"),
        (["Mon May  4 10:00:00 2026"], "%a %b %e %H:%M:%S %Y"),
        (["2026-05-04 10:00:00 AM"], "%Y-%m-%d %I:%M:%S %p"),
        (["10:00:00 04.05.2026"], "%H:%M:%S %d.%m.%Y"),
        (["4 May 2026 at 10:00:00"], "%d %b %Y at %H:%M:%S"),
        (["5/14/26, 10:00:00\u202fAM"], "%m/%d/%y, %I:%M:%S\u202f%p"),
        (["20260504100000"], "%Y%m%d%H%M%S"),
        (["20260504 100000"], "%Y%m%d %H%M%S"),
        (["1777888800"], "epoch"),
        (["1777888800123"], "epoch_ms"),
        (["04/05/2026 10:00:00.250", "14/05/2026 10:00:00"], "%d/%m/%Y %H:%M:%S%.f"),
    ],
)
def test_the_form_of_the_times_is_told(starts: list[str], form: str, tmp_path: Path) -> None:
    told = _calls(tmp_path, *starts).as_json()
    assert (told["time_format"], told["read"], "time_format" in told["asked"]) == (form, len(starts), False)
    assert tomllib.loads(told["settings"])["sources"]["cdr"]["time_format"] == form


def test_where_day_and_month_cannot_be_told_apart_it_is_asked(tmp_path: Path) -> None:
    trial = _calls(tmp_path, "05/04/2026 10:00:00", "05/04/2026 10:10:00")
    assert pasted(trial).time_format == "%d/%m/%Y %H:%M:%S"
    assert '# time_format = "%d/%m/%Y %H:%M:%S"  # or "%m/%d/%Y %H:%M:%S": day and month' in trial.as_json()["settings"]
    american = _calls(tmp_path, "05/04/2026 10:00:00 AM").as_json()
    assert '# time_format = "%m/%d/%Y %I:%M:%S %p"  # or "%d/%m/%Y %I:%M:%S %p"' in american["settings"]


def test_a_day_that_is_still_to_come_or_long_past_tells_them_apart(tmp_path: Path) -> None:
    told = _calls(tmp_path, "05/12/2026 10:00:00").as_json()
    assert (told["time_format"], told["asked"].keys() & {"time_format"}) == ("%m/%d/%Y %H:%M:%S", set())
    dashed = _calls(tmp_path, "26-05-14 10:00:00").as_json()
    assert (dashed["time_format"], dashed["asked"].keys() & {"time_format"}) == ("%y-%m-%d %H:%M:%S", set())


def test_one_odd_cell_does_not_hide_the_form_of_the_others(tmp_path: Path) -> None:
    told = _calls(tmp_path, "14/05/2026 10:00", "never", "15/05/2026 10:00").as_json()
    assert (told["time_format"], told["read"], told["rejected"]) == ("%d/%m/%Y %H:%M", 2, 1)


def test_what_is_iso_8601_needs_no_form(tmp_path: Path) -> None:
    told = _calls(tmp_path, "2026-05-04T10:00:00Z", "2026-05-04 10:00").as_json()
    assert (told["time_format"], told["read"]) == (None, 2)
    assert best_forms(pl.Series(["2026-05-04", "2026-05-04T10:00:00+02:00", None], dtype=pl.String)) == []
