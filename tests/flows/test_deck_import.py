"""Decks as people have them become rows of ours; what cannot be said in a row is refused with its line."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from flows.decks.deck_file import DeckFile, read_deck
from flows.decks.difference import DeckDifference
from flows.decks.look import look
from flows.decks.report import diff, gaps
from flows.home.file_settings import DeckSettings
from rating.deck_search import RATE
from rating.tariffs import of_deck
from rating.usage import repriced
from schemas.errors import WrongUsage


def read(text: str, **said: Any) -> DeckFile:
    settings = DeckSettings(**{"file": "deck.csv", "currency": "USD", **said})
    return read_deck(text.encode(), "deck.csv", "world", settings)


def rows(deck: DeckFile, *columns: str) -> list[tuple[Any, ...]]:
    return deck.table.select("prefix", *columns).rows()


def refused(text: str, **said: Any) -> str:
    with pytest.raises(WrongUsage) as caught:
        read(text, **said)
    return str(caught.value)


AZ = "Code,Destination,Rate,Interval,Effective Date,Change\n"


def test_a_sheet_with_several_codes_a_currency_sign_and_intervals() -> None:
    deck = read(
        AZ + '"9370, 9375",Afghanistan Mobile,$0.2204,60/1,01/06/2026,increase\n+39,Italy,0.0085,1/1,01/01/2026,\n'
        "355-357;+358,Balkan,USD 1,30/6,1/1/2026,new\n",
        format="az",
        date_format="%d/%m/%Y",
    )
    assert rows(deck, "price", "per", "increment", "minimum", "valid_from") == [
        ("9370", Decimal("0.2204"), 60, 1, 60, date(2026, 6, 1)),
        ("9375", Decimal("0.2204"), 60, 1, 60, date(2026, 6, 1)),
        ("39", Decimal("0.0085"), 60, 1, 1, date(2026, 1, 1)),
        ("355", Decimal(1), 60, 6, 30, date(2026, 1, 1)),
        ("356", Decimal(1), 60, 6, 30, date(2026, 1, 1)),
        ("357", Decimal(1), 60, 6, 30, date(2026, 1, 1)),
        ("358", Decimal(1), 60, 6, 30, date(2026, 1, 1)),
    ]
    assert deck.table["rate_id"][0] == "world:9370@2026-06-01"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_every_separator_and_a_country_code_of_its_own(mark: str) -> None:
    text = mark.join(["CC", "Area", "To", "Price"]) + "\n" + mark.join(["44", "7911", "UK mobile", "0.02"]) + "\n"
    columns = {"country_code": "CC", "prefix": "Area", "destination": "To", "price": "Price"}
    deck = read(text, format="az", delimiter=mark, columns=columns, defaults={"increment_s": "1"})
    assert rows(deck, "destination", "increment", "minimum") == [("447911", "UK mobile", 1, 0)]


def test_decimal_commas_are_declared_and_thousands_refused() -> None:
    text = "Code;Destination;Rate;Interval\n39;Italy;{};1/1\n"
    said = {"format": "az", "delimiter": ";"}
    assert rows(read(text.format("0,0085"), **said, decimal=","), "price") == [("39", Decimal("0.0085"))]
    for cell in ("1.000,50", "€ 0,01", "1e3", "-0,1", "0.1"):
        assert "line 2, column Rate" in refused(text.format(cell), **said, decimal=",")
    assert "line 2, column Rate" in refused(text.format("0,0085"), **said)


def test_blanks_before_quotes_mean_nothing() -> None:
    text = 'Code, "Destination", "Rate", "Interval"\n39, "Italy, mobile", "0.0085", 1/1\n'
    text += '"331",  "Paris ""A""", 0.01,"1/1"\n'
    assert rows(read(text, format="az"), "destination", "price") == [
        ("39", "Italy, mobile", Decimal("0.0085")),
        ("331", 'Paris "A"', Decimal("0.01")),
    ]


def test_a_closed_code_ends_and_a_later_row_ends_the_earlier_one_where_declared() -> None:
    text = AZ + (
        "336,France Mobile,0.30,60/1,2026-01-01,current\n336,France Mobile,0.33,60/1,2026-06-01,increase\n"
        "33,France,0.10,1/1,2026-01-01,\n33,France,,,2026-07-01,Closed\n34,Spain,,,2026-07-01,closed\n"
    )
    assert "declare supersede = true" in refused(text, format="az")
    deck = read(text, format="az", supersede=True)
    assert rows(deck, "valid_from", "valid_to") == [
        ("336", date(2026, 1, 1), date(2026, 5, 31)),
        ("336", date(2026, 6, 1), None),
        ("33", date(2026, 1, 1), date(2026, 6, 30)),
    ]
    assert [fault.line for fault in deck.skipped] == [6], "closing what was never open is said, not hidden"


def test_titles_and_footers_are_refused_or_listed_and_a_broken_rate_is_never_a_footer() -> None:
    text = "Example Carrier\n\n" + AZ + "Europe,,,,,\n39,Italy,0.01,1/1,,\n\nPage 1 of 1,,,,,\n\n"
    said = {"format": "az", "skip_rows": 2}
    found = refused(text, **said)
    assert [f"line {line}" in found for line in (4, 5, 6, 7)] == [True, False, True, True]
    deck = read(text, **said, skip_unparsable=True)
    assert [fault.line for fault in deck.skipped] == [4, 6, 7]
    assert rows(deck) == [("39",)]
    broken = text.replace("39,Italy,0.01", "39,Italy,n/a").replace("Europe,,", "Europe,,0.5")
    found = refused(broken, **said, skip_unparsable=True)
    assert "line 4, column Code" in found
    assert "line 5, column Rate" in found


KAZOO = "prefix,description,rate_cost,rate_increment,rate_minimum,rate_surcharge,rate_nocharge_time,direction,routes\n"


def test_a_kazoo_ratedeck() -> None:
    deck = read(KAZOO + "1907,Alaska,0.02,6,12,0.01,0,outbound,^\\+?1907.+$\n1,US,0.01,,,,,,\n", format="kazoo")
    assert rows(deck, "price", "increment", "minimum", "connect_fee") == [
        ("1907", Decimal("0.02"), 6, 12, Decimal("0.01")),
        ("1", Decimal("0.01"), 60, 60, Decimal(0)),
    ]
    for row in ("1,US,0.01,,,,5,,", "1,US,0.01,,,,,inbound,", "1,US,0.01,,,,,,^(1|44).+$"):
        assert "line 2" in refused(KAZOO + row + "\n", format="kazoo")


ASTPP = "pattern,comment,connectcost,includedseconds,cost,inc,init_inc\n"


def test_astpp_patterns() -> None:
    deck = read(ASTPP + "^93.*,Afghanistan,0.01,0,0.2,6,30\n44,UK,0,0,0.1,1,\n", format="astpp")
    assert rows(deck, "price", "increment", "minimum") == [("93", Decimal("0.2"), 6, 30), ("44", Decimal("0.1"), 1, 0)]
    for row in ("^(93|94).*,A,0,0,0.2,6,30", "^93.*,A,0,10,0.2,6,30", "^9[34].*,A,0,0,0.2,6,30"):
        assert "line 2" in refused(ASTPP + row + "\n", format="astpp")


A2B = "dialprefix,destination,rateinitial,initblock,billingblock,connectcharge,startdate,stopdate,starttime,endtime,"
A2B += "stepchargea,chargea\n"


def test_an_a2billing_ratecard_ends_before_its_stop_date() -> None:
    text = A2B + "34,Spain,0.02,30,6,0.1,2026-01-01 00:00:00,2026-06-01 00:00:00,0,10079,0.0000,0\n"
    deck = read(text, format="a2billing")
    assert rows(deck, "increment", "minimum", "connect_fee", "valid_from", "valid_to") == [
        ("34", 6, 30, Decimal("0.1"), date(2026, 1, 1), date(2026, 5, 31))
    ]
    assert "column chargea" in refused(text.replace(",0.0000,0\n", ",0,0.5\n"), format="a2billing")
    assert "column endtime" in refused(text.replace("10079", "9000"), format="a2billing")
    assert "column stopdate" in refused(text.replace("2026-06-01 00:00:00", "2026-06-01 12:00:00"), format="a2billing")


NPANXX = "NPANXX,Interstate,Intrastate,Indeterminate,Billing,Effective\n"


def test_a_us_deck_has_a_row_per_jurisdiction() -> None:
    text = NPANXX + "202555,0.0021,0.0145,0.01,6/6,2026-01-01\n1203555,0.003,0.004,,30/6,\n3035551,0.1,,,6/6,\n"
    deck = read(text, format="npanxx")
    assert rows(deck, "jurisdiction", "price", "minimum") == [
        ("1202555", "interstate", Decimal("0.0021"), 6),
        ("1202555", "intrastate", Decimal("0.0145"), 6),
        ("1202555", None, Decimal("0.01"), 6),
        ("1203555", "interstate", Decimal("0.003"), 30),
        ("1203555", "intrastate", Decimal("0.004"), 30),
        ("13035551", "interstate", Decimal("0.1"), 6),
    ]
    assert deck.table["rate_id"].n_unique() == 6
    for code in ("20255", "102555", "2021555"):
        assert "line 2, column NPANXX" in refused(NPANXX + f"{code},1,1,1,6/6,\n", format="npanxx")
    assert "already in force by line 2" in refused(text + "202555,0.9,,,6/6,2026-02-01\n", format="npanxx")


def test_our_own_layout_with_mapped_columns_and_defaults() -> None:
    columns = {"prefix": "P", "destination": "D", "price": "X", "jurisdiction": "J"}
    deck = read("P,D,X,J\n33,France,0.1,\n1,US,0.2,Interstate\n", columns=columns, defaults={"increment_s": "1"})
    assert rows(deck, "increment", "jurisdiction") == [("33", 1, None), ("1", 1, "interstate")]
    assert "expected also Z" in refused("P,D,X,J\n", columns=columns | {"class": "Z"})
    assert "has prefix" in refused("P,D,X,J\n", columns=columns | {"colour": "X"})
    assert "delimiter = ';'" in refused("prefix;destination;price\n33;F;0.1\n")
    assert "column jurisdiction" in refused("prefix,destination,price,jurisdiction\n33,F,0.1,abroad\n")
    assert "column price" in refused("prefix,destination,price\n33,F,1_000\n")


def test_duplicates_name_both_lines_and_gaps_are_found() -> None:
    head = "prefix,destination,price,valid_from,valid_to\n"
    twice = refused(head + "33,F,0.1,2026-01-01,2026-06-30\n34,E,0.1,,\n33,F,0.2,2026-06-30,\n")
    assert "line 4: prefix 33 is already in force by line 2" in twice
    shuffled = head + "33,F,0.2,2026-08-01,\n33,F,0.1,2026-01-01,2026-06-30\n34,E,0.1,2026-01-01,2026-01-31\n"
    (gap,) = gaps(read(shuffled + "34,E,0.2,2026-02-01,\n"))
    assert str(gap) == "prefix 33: no row for 2026-07-01 to 2026-07-31, between line 3 and line 2"


def workbook(*rows: list[Any], sheet: str = "Rates", before: str | None = None) -> bytes:
    """An xlsx; days are typed as days, numbers as numbers, text as text."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    if before:
        book.add_worksheet(before).write(0, 0, "See the next sheet")
    page, as_day = book.add_worksheet(sheet), book.add_format({"num_format": "dd.mm.yyyy"})
    for line, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, date):
                page.write_datetime(line, column, value, as_day)
            else:
                page.write(line, column, value)
    book.close()
    return content.getvalue()


BOOK_HEAD = ["Code", "Destination", "Rate", "Interval", "Effective Date"]


def read_book(content: bytes, name: str = "deck.xlsx", **said: Any) -> DeckFile:
    settings = DeckSettings(**{"file": name, "currency": "USD", "format": "az", **said})
    return read_deck(content, name, "world", settings)


def test_a_workbook_is_read_whatever_its_name_is() -> None:
    content = workbook(
        ["Example Carrier"],
        [],
        BOOK_HEAD,
        [44, "UK", 0.0085, "60/1", date(2026, 5, 1)],
        ["447", "UK mobile", 0.1 + 0.2],
    )
    for name in ("deck.xlsx", "deck.csv", "deck"):
        deck = read_book(content, name, skip_rows=2, defaults={"increment_s": "1"})
        assert rows(deck, "price", "minimum", "valid_from") == [
            ("44", Decimal("0.0085"), 60, date(2026, 5, 1)),
            ("447", Decimal("0.3"), 0, None),
        ]
        assert deck.table["line"].to_list() == [4, 5], "a row's number is the one that the spreadsheet shows"
    day_first = read_book(content, skip_rows=2, defaults={"increment_s": "1"}, date_format="%d/%m/%Y")
    assert day_first.table["valid_from"][0] == date(2026, 5, 1), "a day that is typed as one cannot be misread"


def test_a_workbook_keeps_its_cells_of_text_and_its_other_sheets() -> None:
    lost = workbook(BOOK_HEAD, ["44", "UK", "0085", "1/1"])
    with pytest.raises(WrongUsage, match="line 2, column Rate: found '0085'"):
        read_book(lost)
    content = workbook(BOOK_HEAD, ["39", "Italy", 0.01, "1/1"], sheet="A-Z", before="Read me")
    assert rows(read_book(content, sheet="A-Z")) == [("39",)]
    with pytest.raises(WrongUsage, match="found the sheets Read me, A-Z; expected 'Rates'"):
        read_book(content, sheet="Rates")
    for damaged in (content[:200], content[:-40], b"PK\x03\x04" + b"\0" * 50, b"\xd0\xcf\x11\xe0" + b"\0" * 600):
        with pytest.raises(WrongUsage, match="workbook"):
            read_book(damaged)
    with pytest.raises(WrongUsage, match="HTML"):
        read_book(b"<html><table><tr><td>44</td></tr></table></html>", "deck.xls")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "iso8859-15", "cp850"])
def test_other_encodings_are_declared(encoding: str) -> None:
    text = "Code;Destination;Rate;Interval\n43;Österreich;0,0120;60/1\n".encode(encoding)
    said = {"delimiter": ";", "decimal": ","}
    deck = read_book(text, "deck.csv", encoding=encoding, **said)
    assert rows(deck, "destination", "price") == [("43", "Österreich", Decimal("0.0120"))]
    with pytest.raises(WrongUsage, match=r"encoding = "):
        read_book(text, "deck.csv", **said)
    with pytest.raises(ValueError, match="expected a name that Python knows"):
        DeckSettings(file="x", currency="USD", encoding="no such")


def test_a_sheet_without_header_line_has_its_columns_listed() -> None:
    text = "+1327\t0.0045\tUSA - AR\tx\n+1340\t0.0086\tUS Virgin Islands\ty\n"
    said = {"format": "az", "delimiter": "\t", "defaults": {"increment_s": "6"}}
    deck = read(text, **said, columns=["prefix", "price", "destination", "their remark"])
    assert rows(deck, "price", "destination", "line") == [
        ("1327", Decimal("0.0045"), "USA - AR", 1),
        ("1340", Decimal("0.0086"), "US Virgin Islands", 2),
    ]
    assert deck.unused == ["their remark"]
    assert "has no header line, list its columns in order" in refused(text, **said)
    assert "expected also price" in refused(text, **said, columns=["prefix", "destination"])
    assert "expected each once" in refused(text, **said, columns=["prefix", "price", "destination", "price"])
    assert "line 1: found 4 cells; expected 3, as in columns" in refused(
        text, **said, columns=["prefix", "price", "destination"]
    )


BILLED = {"90/60": (90, 90, 150, 150, 210), "30/60": (30, 90, 150, 150, 210), "45/30": (45, 105, 105, 165, 165)}


@pytest.mark.parametrize("interval", BILLED)
def test_a_first_interval_of_its_own_length_is_a_step(interval: str) -> None:
    deck = read(f"Code,Destination,Rate,Interval\n55,Brazil,0.60,{interval}\n", format="az").deck()
    seconds = (1, 90, 91, 150, 151)
    calls = pl.DataFrame({"units": seconds, "included_units": [0] * 5, "kind": ["voice"] * 5}).with_columns(
        started_at=datetime(2026, 5, 1, tzinfo=UTC), time_zone=pl.lit("UTC")
    )
    priced = repriced(calls.join(deck.rows.select(*RATE), how="cross"), of_deck(deck.rows))
    assert tuple(priced["billable_units"]) == BILLED[interval]
    amounts = [Decimal(num) / den for num, den in priced.select("amount_num", "amount_den").iter_rows()]
    assert amounts == [Decimal(units) / 100 for units in BILLED[interval]]


def test_what_follows_a_first_interval_is_refused_where_the_system_counts_otherwise() -> None:
    text = "dialprefix,destination,rateinitial,initblock,billingblock,connectcharge\n49,Germany,0.10,90,60,0\n"
    assert "column billingblock" in refused(text, format="a2billing")
    kazoo = read(KAZOO + "1,US,0.01,7,60,,,,\n", format="kazoo")
    assert rows(kazoo, "first_increment", "increment", "is_plain") == [("1", 60, 7, False)]


def test_a_markup_makes_prices_of_costs_and_keeps_them() -> None:
    text = "Code,Destination,Rate,Interval,Connect Fee\n33,France,0.0101,60/1,0.02\n34,Spain,0.01,1/1,\n"
    deck = read(text, format="az", markup_percent=25, markup_amount="0.0010", rounding={"digits": 4, "mode": "up"})
    assert rows(deck, "cost", "price", "connect_fee_cost", "connect_fee") == [
        ("33", Decimal("0.0101"), Decimal("0.0137"), Decimal("0.02"), Decimal("0.0250")),  # 0.013625
        ("34", Decimal("0.01"), Decimal("0.0135"), Decimal(0), Decimal(0)),
    ]
    exact = read(text, format="az", markup_percent="17.5")
    assert rows(exact, "price") == [("33", Decimal("0.0118675")), ("34", Decimal("0.01175"))]
    assert deck.deck().table.rows["cost"].to_list() == [Decimal("0.0101"), Decimal("0.01")]
    assert read(text, format="az").table["cost"].to_list() == [None, None]
    assert "line 2, column price" in refused(text, format="az", markup_amount="-0.02")
    third = text.replace("0.0101", "0.000000000001")
    assert "Declare rounding" in refused(third, format="az", markup_percent="33.3")
    with pytest.raises(ValueError, match="beside markup_percent"):
        DeckSettings(file="x", currency="USD", rounding={"digits": 4})


@pytest.mark.parametrize("cell", ["0085", "00085", "010", "01"])
def test_a_price_that_has_lost_its_decimal_point_is_refused(cell: str) -> None:
    ours = f"prefix,destination,price\n33,France,{cell}\n"
    theirs = f"Code,Destination,Rate,Interval\n33,France,{cell},1/1\n"
    for found in (refused(ours), refused(theirs, format="az"), refused(theirs, format="az", decimal=",")):
        assert f"line 2, column {'price' if 'column price' in found else 'Rate'}: found '{cell}'" in found
        assert "ask for the sheet" in found
    free = read("prefix,destination,price\n33,France,0\n34,Spain,0.0\n35,Portugal,00\n36,Hungary,10\n")
    assert free.table["price"].to_list() == [0, 0, 0, 10]


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("Code,Destination,Rate (USD),Interval", "33,France,0.01,1/1"),
        ("Code,Destination,Rate in $,Interval", "33,France,0.01,1/1"),
        ("Code,Destination,Rate,Interval,Currency", "33,France,0.01,1/1,USD"),
        ("Code,Destination,Rate,Interval", "33,France,USD 0.01,1/1"),
        ("Code,Destination,Rate,Interval", "33,France,US$0.01,1/1"),
    ],
)
def test_a_sheet_that_says_another_currency_is_asked_about(head: str, cells: str) -> None:
    text = f"{head}\n{cells}\n"
    columns = {"price": head.split(",")[2]}
    found = refused(text, format="az", currency="EUR", columns=columns)
    assert "EUR" in found
    assert "line 1" in found or "line 2" in found
    assert rows(read(text, format="az", columns=columns), "price") == [("33", Decimal("0.01"))]
    answered = read(text, format="az", currency="EUR", columns=columns, sheet_currency="USD")
    assert (answered.currency, answered.table.height) == ("EUR", 1)


def test_a_title_names_the_currency_too_and_two_currencies_contradict_nothing() -> None:
    text = "All prices in US dollars\nCode,Destination,Rate,Interval\n33,France,0.01,1/1\n"
    assert "line 1: found 'All prices in US dollars'" in refused(text, format="az", currency="EUR", skip_rows=1)
    both = text.replace("US dollars", "EUR; in USD on demand")
    assert read(both, format="az", currency="EUR", skip_rows=1).table.height == 1
    assert read(text.replace("US dollars", "ALL of TOP"), format="az", currency="EUR", skip_rows=1).table.height == 1


def test_a_look_shows_rows_as_understood_and_what_is_far_from_its_neighbours() -> None:
    fair = "".join(f"4477{code},UK mobile,0.02,60/1,x\n" for code in range(10, 20))
    text = "Code,Destination,Rate,Interval,Remark\n44,UK,0.01,1/1,\n" + fair
    seen = look(read(text, format="az"), date(2026, 6, 2))
    assert (seen["outliers"], seen["unused_columns"]) == ([], ["Remark"])
    assert seen["prices"]["a_minute"] == {"min": Decimal("0.01"), "median": Decimal("0.02"), "max": Decimal("0.02")}
    assert seen["prices"]["intervals"] == {"60/1": 10, "1/1": 1}
    assert [row["line"] for row in seen["understood"]] == [2, 7, 12]
    dear = look(read(text + "4478,UK mobile,200,60/1,\n49,Germany,0.00001,1/1,\n", format="az"), date(2026, 6, 2))
    assert [line.split(":")[0] for line in dear["outliers"]] == ["line 13", "line 14"]
    assert "10000 times the 0.02 of the other rows of UK mobile" in dear["outliers"][0]
    pair = look(read("prefix,destination,price\n33,F,85\n34,S,0.0085\n"), date(2026, 6, 2))
    assert [line.split(":")[0] for line in pair["outliers"]] == ["line 2"], "of two the dearer one"
    cost = look(read(text, format="az", markup_percent=25), date(2026, 6, 2))
    assert cost["prices"]["margin_percent"]["median"] == 20
    assert cost["understood"][0]["cost"] == Decimal("0.01")


def test_a_difference_says_alike_changes_once_and_of_each_kind_the_largest() -> None:
    head = "prefix,destination,price\n"
    mobile = "".join(f"3361{code},France mobile,{{}}\n" for code in range(10, 40))
    others = "".join(f"{code},Place {code},{{}}\n" for code in range(200, 215))
    old = read(head + (mobile + others).replace("{}", "0.30"))
    new = read(head + mobile.replace("{}", "0.33") + others.replace("{}", "0.60") + "39,Italy,0.01\n")
    counts, changes = diff(old, new, date(2026, 6, 2))
    lines = DeckDifference("old", "new", "USD", counts, changes, None).lines()
    assert lines[0] == "old -> new: 45 increase, 0 decrease, 1 new, 0 closed, 0 terms, 0 unchanged"
    assert lines[1] == "increase 200 Place 200: 0.3 per 60 s -> 0.6 per 60 s (+100.00 %)", "the largest first"
    assert len([line for line in lines if line.startswith("increase ")]) == 10
    assert "increase: 6 more lines, 35 prefixes; --json has them all" in lines
    assert lines[-1] == "new 39 Italy: - -> 0.01 per 60 s"
    only_mobile = [change for change in changes if change.destination == "France mobile"]
    (together,) = DeckDifference("old", "new", "USD", counts, only_mobile, None).lines()[1:]
    assert together == (
        "increase 336110, 336111, 336112, 336113, 336114 and 25 more France mobile: "
        "0.3 per 60 s -> 0.33 per 60 s (+10.00 %)"
    )
