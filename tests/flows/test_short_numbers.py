"""Calls to short numbers: priced where a plan or its domestic deck lists them, else suspended with what mends it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.books.remedies import SUSPENDED_REMEDIES
from flows.catalog.load import load_all
from flows.home.settings import load_settings
from flows.home.store import Store
from flows.month.short_numbers import short_numbers_of
from rating.short_numbers import is_known_short_number
from schemas.errors import WrongUsage
from tests.scenarios.month.home import add_file, make_home

HEADER = "prefix,destination,price,per_s,increment_s,minimum_s,connect_fee,valid_from,valid_to\n"
HOME_DECK = HEADER + (
    "44,United Kingdom,0.06,60,1,0,0,,\n"
    "999,Emergency,0,60,60,0,0,,\n"
    "101,Police,0,60,60,0,0.15,,\n"
    "118118,Directory,2.50,60,60,0,4.00,,\n"
    "112,Emergency,0,60,60,0,0,2025-06-20,\n"
    "911,Emergency,0,60,60,0,0,,\n"
    "684,A country code of old,0.90,60,60,0,0,,\n"
)
"""Calls at home; nothing in it is of India, so 911 cannot be Delhi."""
ABROAD = HEADER + "1,United States,0.06,60,1,0,0,,\n91,India,0.30,60,60,0,0,,\n911,Delhi,0.33,60,60,0,0,,\n"
SHORT = HEADER + "911,Emergency,0,60,60,0,0,,\n4,Services,0.50,60,60,0,0,,\n411,Directory,1.25,60,60,0,0,,\n"
DECKS = {"at_home": HOME_DECK, "abroad": ABROAD, "short": SHORT}
PLANS = """
plans:
  by_deck: &plan
    name: Short numbers by the deck for calls at home
    currency: GBP
    domestic: [GB]
    usage: &usage
      domestic: {deck: at_home, charged: overage}
      international: {deck: abroad, charged: abroad}
  both_decks: {<<: *plan, usage: {<<: *usage, domestic: {deck: [abroad, at_home], charged: overage}}}
  world_wide: {<<: *plan, usage: {<<: *usage, domestic: {deck: abroad, charged: overage}}}
  free_short: {<<: *plan, usage: {<<: *usage, short_number: {free: true}}}
  flat_short:
    <<: *plan
    usage: {<<: *usage, short_number: {rate: {price: "0", connect_fee: "1.50"}, charged: overage}}
  own_deck: {<<: *plan, usage: {<<: *usage, short_number: {deck: short, charged: overage}}}
"""
ACCOUNTS = ("by_deck", "both_decks", "world_wide", "free_short", "flat_short", "own_deck")
CALLED = ("999", "101", "118118", "112", "911", "411", "000", "+999", "+911123456789", "108", "684", "51", "12345")


def home_with(folder: Path, plans: str = PLANS) -> Any:
    home = make_home(folder)
    (home.catalog / "plans.yaml").write_text(plans, encoding="utf-8")
    blocks = "".join(
        f'\n[decks.{name}]\nfile = "{name}.csv"\ncurrency = "GBP"\nvalid_from = 2020-01-01\n' for name in DECKS
    )
    home.settings_file.write_text(home.settings_file.read_text("utf-8") + blocks, encoding="utf-8")
    for name, text in DECKS.items():
        (home.rates / f"{name}.csv").write_text(text, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """call_id (account:number) -> outcome, category or reason, amount, country or detail."""
    home = home_with(tmp_path_factory.mktemp("short") / "home")
    add_file(home, "accounts", "a", [{"account_id": name, "plan": name} for name in ACCOUNTS])
    owned = {name: f"+44207946{at:04}" for at, name in enumerate(ACCOUNTS)}
    add_file(home, "numbers", "n", [{"number": number, "account_id": name} for name, number in owned.items()])
    devices = [{"device_id": "D", "account_id": "by_deck", "extension": "108"}]
    add_file(home, "devices", "d", devices)
    calls = [
        {
            "call_id": f"{name}:{number}", "started_at": "2025-06-10T10:00:00Z", "from_number": owned[name],
            "to_number": number, "duration_s": "61",
        }
        for name in ACCOUNTS for number in CALLED
    ]  # fmt: skip
    calls.append({**calls[3], "call_id": "later:112", "started_at": "2025-06-20T10:00:00Z"})
    add_file(home, "calls", "c", calls)
    run_direct(Request(str(home.root), "2025-07", "anna", datetime(2025, 7, 2, tzinfo=UTC)))
    with Store(home) as store:
        rows = store.rows("""
            select split_part(usage_id, ':', 2) || ':' || split_part(usage_id, ':', 3), 'rated', category,
                (amount_num / amount_den)::decimal(12, 4)::varchar, country from rated_usage
            union all select split_part(usage_id, ':', 2) || ':' || split_part(usage_id, ':', 3), 'suspended', reason,
                null, detail from suspended_usage""")
    return {key: rest for key, *rest in rows}


NOT_LISTED = ["suspended", "bad_number", None, "a short number that neither the plan nor its domestic deck lists"]
NO_NUMBER = ["suspended", "bad_number", None, None]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("by_deck:999", ["rated", "domestic", "0.0000", "GB"]),
        ("by_deck:101", ["rated", "domestic", "0.1500", "GB"]),
        ("by_deck:118118", ["rated", "domestic", "9.0000", "GB"]),
        ("by_deck:112", NOT_LISTED),
        ("later:112", ["rated", "domestic", "0.0000", "GB"]),
        ("by_deck:911", ["rated", "domestic", "0.0000", "GB"]),
        ("by_deck:411", NOT_LISTED),
        ("by_deck:000", NOT_LISTED),
        ("by_deck:684", NOT_LISTED),
        ("by_deck:+999", NO_NUMBER),
        ("both_decks:999", ["rated", "domestic", "0.0000", "GB"]),
        # The first deck's 1 is the beginning of 101 and 112, its 911 is Delhi: it must price none of them.
        ("both_decks:101", NOT_LISTED),
        ("both_decks:911", NOT_LISTED),
        ("world_wide:911", NOT_LISTED),
        ("world_wide:+911123456789", ["rated", "international", "0.6600", "IN"]),
        ("free_short:999", ["rated", "short_number", "0.0000", "GB"]),
        ("free_short:000", ["rated", "short_number", "0.0000", "GB"]),
        ("flat_short:999", ["rated", "short_number", "1.5000", "GB"]),
        ("flat_short:118118", ["rated", "short_number", "1.5000", "GB"]),
        ("flat_short:911", ["rated", "short_number", "1.5000", "GB"]),  # the deck lists it
        ("flat_short:51", NOT_LISTED),  # somebody's extension, perhaps
        ("flat_short:12345", NOT_LISTED),
        ("flat_short:684", NOT_LISTED),
        ("own_deck:911", ["rated", "short_number", "0.0000", "GB"]),
        ("own_deck:411", ["rated", "short_number", "2.5000", "GB"]),
        ("own_deck:999", ["suspended", "no_rate", None, "short"]),
        ("own_deck:+911123456789", ["rated", "international", "0.6600", "IN"]),
    ],
)
def test_a_short_number_costs_what_its_plan_says(call: str, told: list[Any], ended: dict[str, Any]) -> None:
    assert ended[call] == told


@pytest.mark.parametrize(
    ("number", "country", "is_known"),
    [("091", "ES", True), ("016", "ES", True), ("0112", "DE", False), ("112", "DE", True), ("0911", "US", False),
     ("411", "US", True), ("51", "DE", False), ("999", None, False)],
)  # fmt: skip
def test_a_short_number_is_known_with_its_zeros(number: str, country: str | None, is_known: bool) -> None:
    assert is_known_short_number(number, country) is is_known


def test_an_extension_of_the_account_stays_internal(ended: dict[str, Any]) -> None:
    assert ended["by_deck:108"][1:3] == ["no_rule", None], "an internal call, which this plan does not price"


def test_the_remedy_names_rule_and_deck() -> None:
    assert "short_number" in SUSPENDED_REMEDIES["bad_number"]
    assert "domestic deck" in SUSPENDED_REMEDIES["bad_number"]


def test_what_a_deck_lists_is_held_against_its_own_rows(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home")
    tables = load_all(home, load_settings(home))
    listed = short_numbers_of(tables.catalog, tables.decks, tables.numbering_plan).listed
    told = {plan: sorted(rows["number"]) for (plan,), rows in listed.group_by("plan")}
    assert told["by_deck"] == ["101", "112", "118118", "911", "999"]
    assert told["both_decks"] == ["999"]
    assert "world_wide" not in told
    assert listed.filter(pl.col("number") == "112")["start"].unique().to_list() == [date(2025, 6, 20)]


def test_a_deck_of_telephone_numbers_is_none_of_short_ones(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", PLANS.replace("deck: short,", "deck: abroad,"))
    with pytest.raises(WrongUsage, match="own_deck, short_number: found the deck abroad, which other rules name too"):
        load_all(home, load_settings(home))
