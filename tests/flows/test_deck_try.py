"""deck try: a price sheet nobody has declared yet, what it holds as we would read it, and the settings to paste."""

import json
import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from flows.ask.deck_try import DeckTrial, try_deck
from flows.catalog.load import load_all
from flows.decks.deck_file import read_deck
from flows.home.file_settings import DeckSettings
from flows.home.init import init_home
from flows.home.settings import Home, load_settings
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


IN_SECONDS = {
    "az_deck": "prefix,destination,rate_per_minute,connect_fee,included_s,increment_s\n"
    "93,Afghanistan,0.20930,0.00000,0,6\n9375,Afghanistan Cellular-AT,0.22040,0.01000,0,6\n"
    "1678,IPComms,0.00000,0.00000,0,1\n",
    "world": "Prefix,Destination,Rate,Increment\n93,Afghanistan,0.2093,6\n9375,AT,0.2204,6\n1678,IPComms,0,1\n",
    "pair": "Code,Country,Price,Initial Increment,Next Increment\n93,Afghanistan,0.2093,30,6\n"
    "9375,AT,0.2204,30,6\n1678,IPComms,0,60,1\n",
    "least": "Code,Country,Price,min_duration,Billing Increment\n93,Afghanistan,0.2093,30,6\n9375,AT,0.2204,30,6\n"
    "1678,IPComms,0,60,1\n",
}
"""Sheets that hold how seconds are counted in whole seconds, and not as 60/1."""


@pytest.mark.parametrize("name", IN_SECONDS)
def test_a_sheet_that_counts_in_seconds_can_be_pasted_into_a_new_home(name: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    init_home(home.root, sample=False)
    sheet = home.rates / f"{name}_new.csv"
    sheet.write_text(IN_SECONDS[name], encoding="utf-8")
    trial = try_deck(sheet, TODAY, currency="USD")
    assert not trial.incomplete
    assert f"# catalog/rates/{name}_new.csv is where the file is looked for" in trial.lines()
    with home.settings_file.open("a", encoding="utf-8") as settings:
        settings.write("\n" + trial.as_json()["settings"] + "\n")
    plans = home.catalog / "plans.yaml"
    text = plans.read_text(encoding="utf-8")
    assert "{deck: world, " in text
    plans.write_text(text.replace("{deck: world, ", f"{{deck: {name}_new, "), encoding="utf-8")
    load_all(home, load_settings(home))
    deck = read_deck(sheet.read_bytes(), "x", "x", load_settings(home).decks[f"{name}_new"])
    least = 30 if name in ("pair", "least") else 0
    rows = deck.table.select("prefix", "price", "per", "minimum", "increment").rows()
    assert rows == [
        ("93", Decimal("0.2093"), 60, least, 6),
        ("9375", Decimal("0.2204"), 60, least, 6),
        ("1678", Decimal(0), 60, least and 60, 1),
    ]
    if name == "az_deck":
        assert deck.table["connect_fee"].to_list() == [Decimal(0), Decimal("0.01"), Decimal(0)]
        assert deck.unused == ["included_s"]


def test_columns_of_seconds_that_could_be_either_are_not_chosen_between(tmp_path: Path) -> None:
    sheet = "Code,Country,Price,Increment A,Increment B\n93,Afghanistan,0.2093,30,6\n9375,AT,0.2204,60,1\n"
    trial = tried(tmp_path, sheet)
    assert trial.as_json()["layout"] is None
    assert "expected first and following seconds such as 60/1" in trial.as_json()["rejects"][0]


def test_a_deck_is_named_as_no_deck_of_the_home_is(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    init_home(home.root, sample=False)
    sheet = tmp_path / "world.csv"
    sheet.write_text(SHEETS["az"], encoding="utf-8")
    done = forked.tollbook("--home", str(home.root), "deck", "try", str(sheet))
    assert "[decks.world_2]" in done.stdout, done.stderr
    home.settings_file.write_text("no settings", encoding="utf-8")
    assert "[decks.world]" in forked.tollbook("--home", str(home.root), "deck", "try", str(sheet)).stdout


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
