"""`tollbook taxes` and `explain` as commands: exit codes, words, JSON, without a home and with one."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.cli.main import make_app
from schemas.errors import NothingToDo, WrongUsage


@pytest.fixture
def tollbook(tmp_path: Path) -> Any:
    """Runs a command on a folder that is no home; returns its exit code."""
    command = typer.main.get_command(make_app())

    def run(*arguments: str) -> Any:
        return command.main(["--home", str(tmp_path), "--today", "2026-07-02", *arguments], standalone_mode=False)

    return run


def test_coverage_ends_with_what_is_not_known_and_what_is_a_sample(tollbook: Any, capsys: Any) -> None:
    tollbook("taxes", "coverage", "--country", "US")
    lines = capsys.readouterr().out.splitlines()
    assert "  2022Q4      28.9 %  sourced" in lines
    assert lines[-2] == "not known on 2026-07-02: US USF"
    assert lines[-1].startswith("sample on 2026-07-02, verify before use: US-AL E911, ")
    assert "US-TX SALES" not in lines[-1]


def test_list_is_a_line_per_table_and_its_json_an_object(tollbook: Any, capsys: Any) -> None:
    tollbook("--json", "taxes", "list", "--country", "CA")
    found = {row["table"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["ca/qc/911.yaml"]["today"] == "0.52 CAD per line"
    assert found["ca/qc/911.yaml"]["status"] == "sourced in part"
    assert found["ca/qc/911.yaml"]["today_status"] == "sample"
    assert found["ca/ns/hst.yaml"]["today"] == "14 %"
    assert all(name.startswith("ca/") for name in found)


def test_show_says_base_dates_rounding_exemption_and_source(tollbook: Any, capsys: Any, tmp_path: Path) -> None:
    tollbook("taxes", "show", "us/tx/sales")
    told = capsys.readouterr().out
    assert "base: its telecommunications part; and what is charged as USF, RRF, SLRRF" in told
    assert "from 2022-01-01 until changed: 6.25 %, sourced: comptroller.texas.gov" in told
    own = tmp_path / "catalog" / "taxes" / "us" / "tx"
    own.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "data" / "reference" / "taxes" / "us" / "tx" / "sales.yaml"
    (own / "sales.yaml").write_text(shipped.read_text("utf-8").replace('"6.25"', '"6.50"'), encoding="utf-8")
    tollbook("taxes", "show", "us/tx/sales")
    assert "until changed: 6.50 %" in capsys.readouterr().out


def test_names_nobody_has_are_wrong_usage(tollbook: Any) -> None:
    with pytest.raises(WrongUsage, match=r"expected the file name of a tax table: us/al/e911\.yaml"):
        tollbook("taxes", "show", "us/tx/usf")
    with pytest.raises(WrongUsage, match=r"holds no tollbook\.toml"):
        tollbook("explain", "US-2026-000001")


def test_a_study_of_a_month_without_a_run_is_nothing_to_do(tollbook: Any, tmp_path: Path) -> None:
    from flows.home.init import init_home

    home = tmp_path / "home"
    init_home(home, sample=False)
    with pytest.raises(NothingToDo, match="2026-06 has no run"):
        tollbook("--home", str(home), "taxes", "study", "2026-06")
