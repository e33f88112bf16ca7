"""Decks as people have them become rows of ours; what cannot be said in a row is refused with its line."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from flows.decks.deck_file import DeckFile, read_deck
from flows.decks.report import gaps
from flows.home.file_settings import DeckSettings
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
