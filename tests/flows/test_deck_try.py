"""deck try: a price sheet nobody has declared yet, what it holds as we would read it, and the settings to paste."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from flows.ask.deck_try import DeckTrial, try_deck
from flows.decks.deck_file import read_deck
from flows.home.file_settings import DeckSettings
from schemas.errors import WrongUsage
from tests import forked

TODAY = date(2026, 6, 2)


def tried(folder: Path, text: str, name: str = "sheet.csv", encoding: str = "utf-8", **options: Any) -> DeckTrial:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return try_deck(path, TODAY, **options)


def pasted(trial: DeckTrial, **answers: str) -> DeckSettings:
    """The block with its questions answered as they stand, or by `answers`."""
    block = trial.as_json()["settings"]
    lines = [re.sub(r"^# (\w+ = )", r"\1", line) for line in block.splitlines()]
    lines = [line for line in lines if line.split(" = ")[0] not in answers and " = …" not in line]
    table = tomllib.loads("\n".join([*lines, *(f"{key} = {value}" for key, value in answers.items())]))
    return DeckSettings.model_validate(table["decks"]["sheet"])


SHEETS = {
    "tollbook": "prefix,destination,price,per_s,increment_s\n33,France,0.01,60,1\n34,Spain,0.02,60,1\n",
    "az": "Dial Prefix;Country / Network;USD per minute;Billing;Effective From\n33;France;0,0100;60/1;15.06.2026\n"
    "34;Spain;0,0200;30/6;15.06.2026\n",
    "kazoo": "prefix,description,rate_cost,rate_increment,rate_minimum\n33,France,0.01,1,60\n34,Spain,0.02,1,60\n",
    "astpp": "pattern,comment,cost,inc,init_inc\n^33.*,France,0.01,1,60\n\n^34.*,Spain,0.02,1,60\n",
    "a2billing": "dialprefix,destination,rateinitial,initblock,billingblock\n33,France,0.01,60,1\n34,Spain,0.02,60,1\n",
    "npanxx": "NPANXX,Interstate,Intrastate,Indeterminate,Billing\n202555,0.01,0.02,0.03,6/6\n203555,0.01,0.02,,6/6\n",
}


@pytest.mark.parametrize("layout", SHEETS)
def test_every_layout_is_known_by_what_it_reads_and_its_block_reads_the_same(layout: str, tmp_path: Path) -> None:
    trial = tried(tmp_path, SHEETS[layout])
    told = trial.as_json()
    assert (told["layout"], told["rejects"], trial.incomplete) == (layout, [], False)
    assert told["lines_read"] == 2
    settings = pasted(trial, currency='"USD"')
    again = read_deck((tmp_path / "sheet.csv").read_bytes(), "sheet.csv", "sheet", settings)
    assert again.table.height == told["rows"]
    assert again.table.height == (5 if layout == "npanxx" else 2)
    assert re.search(r"  line \d+: \+.*(France|202555)", "\n".join(trial.lines()))


def test_what_only_the_carrier_can_say_is_asked_by_name(tmp_path: Path) -> None:
    trial = tried(tmp_path, "Code,Destination,Rate,Effective\n33,France,0.01,01/02/2026\n33,France,0.02,03/04/2026\n")
    asked = trial.as_json()["asked"]
    assert {*asked} == {"currency", "defaults", "date_format", "supersede"}
    assert "%m/%d/%Y" in asked["date_format"]
    block = trial.as_json()["settings"]
    assert all(f"# {key} = " in block for key in asked), "nothing is pasted that nobody has confirmed"
    bare = DeckSettings.model_validate({**tomllib.loads(block)["decks"]["sheet"], "currency": "USD"})
    with pytest.raises(WrongUsage, match=r"seconds to count in|YYYY-MM-DD"):
        read_deck((tmp_path / "sheet.csv").read_bytes(), "sheet.csv", "sheet", bare)


def test_titles_a_missing_header_other_encodings_and_workbooks(tmp_path: Path) -> None:
    titled = "Tarif 2026 in EUR;;\n;;\nVorwahl;Ziel;Preis\n43;Österreich;0,01\nÄnderungen vorbehalten;;\n"
    told = tried(tmp_path, titled, encoding="cp1252").as_json()
    assert 'encoding = "cp1252"' in told["settings"]
    assert "skip_rows = 2" in told["settings"]
    assert (told["currency"], told["lines_read"], len(told["left_out"])) == ("EUR", 1, 1)
    headless = tried(tmp_path, "+1327\t0.0045\tUSA - AR\n+1340\t0.0086\tUS Virgin Islands\n").as_json()
    assert 'columns = ["prefix", "price", "destination"]' in headless["settings"]
    book = xlsxwriter.Workbook(tmp_path / "book.xlsx")
    book.add_worksheet("Read me").write(0, 0, "Rates on the next sheet")
    page = book.add_worksheet("A-Z")
    for line, row in enumerate((["Code", "Destination", "Rate", "Interval"], ["33", "France", 0.01, "60/1"])):
        page.write_row(line, 0, row)
    book.close()
    told = try_deck(tmp_path / "book.xlsx", TODAY).as_json()
    assert (told["layout"], told["lines_read"]) == ("az", 1)
    assert 'sheet = "A-Z"' in told["settings"]


def test_outliers_unused_columns_and_rejects_are_told(tmp_path: Path) -> None:
    rows = "".join(f"331{code},France,0.01,1/1,x\n" for code in range(10))
    text = f"Code,Destination,Rate,Interval,Remark\n{rows}3320,France,100,1/1,x\n3330,France,0085,1/1,x\n"
    trial = tried(tmp_path, text)
    told = trial.as_json()
    assert told["unused_columns"] == ["Remark"]
    assert ["line 12" in line for line in told["outliers"]] == [True]
    assert ["line 13, column Rate: found '0085'" in line for line in told["rejects"]] == [True]
    assert trial.incomplete
    assert told["prices"]["a_minute"]["max"] == 100
    said = "\n".join(trial.lines())
    for words in ("columns not read: Remark", "far from its neighbours", "cannot be read: ", "[decks.sheet]"):
        assert words in said


def test_what_is_no_price_sheet_is_told_so(tmp_path: Path) -> None:
    trial = tried(tmp_path, "Dear customer,\nplease find attached our rates.\n")
    assert trial.incomplete
    assert trial.lines()[0].endswith("no layout of ours fits")
    (tmp_path / "empty.csv").touch()
    for path in (tmp_path / "empty.csv", tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(WrongUsage):
            try_deck(path, TODAY)


def test_the_command_needs_no_home_and_can_read_as_a_declared_deck(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEETS["az"], encoding="utf-8")
    where = ["--home", str(tmp_path / "none"), "--today", "2026-06-02"]
    done = forked.tollbook(*where, "--json", "deck", "try", str(sheet), "--currency", "USD")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["layout"], told["currency"]) == ("az", "USD")
    assert forked.tollbook(*where, "deck", "try", str(sheet), "--format", "kazoo").returncode == 3
    assert forked.tollbook(*where, "deck", "try", str(sheet), "--format", "no").returncode == 2
    assert forked.tollbook(*where, "deck", "try", str(sheet), "--currency", "EUR").returncode == 3, "the sheet says USD"
    assert not (tmp_path / "none").exists()
