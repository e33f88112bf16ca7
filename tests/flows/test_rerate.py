"""What new rates would move, before anything moves; and what then moves is what was told."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.correct.rerate import Asked, Rerated, rerate
from flows.home.settings import Home
from schemas.errors import NothingToDo, WrongUsage
from tests.flows.issuing import asked, bill, corrected, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NUMBERS = {"ANN": "+442079460101", "BOB": "+442079460102"}


@pytest.fixture(scope="module")
def drafted_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ann and Bob call France and a mobile there, ten minutes each, on 5 and 25 May; June is drafted."""
    home = make_home(tmp_path_factory.mktemp("drafted") / "home")
    add_file(home, "accounts", "a", [{"account_id": one} for one in NUMBERS])
    add_file(home, "numbers", "n", [{"number": number, "account_id": one} for one, number in NUMBERS.items()])
    calls = [
        {"call_id": f"{one}-{day}-{to}", "started_at": f"2025-05-{day}T10:00:00Z", "from_number": number,
         "to_number": to, "duration_s": 600}
        for one, number in NUMBERS.items()
        for day in ("05", "25")
        for to in ("+33123456789", "+33612345678")
    ]  # fmt: skip
    add_file(home, "calls", "c", calls)
    run(home, "2025-06")
    return home


@pytest.fixture
def home(drafted_home: Home, tmp_path: Path) -> Home:
    """With France dearer: 0.2593 and, for mobiles, 0.40 a minute."""
    home = Home(shutil.copytree(drafted_home.root, tmp_path / "home"))
    deck = home.rates / "world.csv"
    text = deck.read_text(encoding="utf-8").replace("33,France,0.2093", "33,France,0.2593")
    deck.write_text(text.replace("France mobile,0.30", "France mobile,0.40"), encoding="utf-8")
    return home


def told(found: Rerated) -> list[tuple[str, Decimal, Decimal]]:
    return sorted((row["account_id"], row["before"].normalize(), row["after"].normalize()) for row in found.accounts)


def test_by_account_prefix_deck_and_days(home: Home) -> None:
    both = [("ANN", Decimal("10.186"), Decimal("13.186")), ("BOB", Decimal("10.186"), Decimal("13.186"))]
    everything = rerate(asked(home, "2025-06"), Asked(deck="world"))
    assert told(everything) == both
    assert everything.totals["GBP"] == (Decimal("20.372"), Decimal("26.372"))
    assert told(rerate(asked(home, "2025-06", "BOB"), Asked())) == both[1:]
    mobile = Asked(prefix="+336", since=date(2025, 5, 10), until=date(2025, 5, 25))
    assert told(rerate(asked(home, "2025-06", "ANN"), mobile)) == [("ANN", Decimal(3), Decimal(4))]
    with pytest.raises(NothingToDo):
        rerate(asked(home, "2025-06"), Asked(prefix="44"))
    with pytest.raises(WrongUsage, match="--deck"):
        rerate(asked(home, "2025-06"), Asked(deck="moon"))


def test_a_plans_own_rates_are_none_of_the_deck_that_is_called_like_it(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    catalog, deck = home.catalog / "catalog.yaml", home.rates / "world.csv"
    catalog.write_text(catalog.read_text(encoding="utf-8").replace("  office:", "  world:"), encoding="utf-8")
    add_file(home, "accounts", "a", [{"account_id": "ANN", "plan": "world"}])
    toll_free = {"number": "+448081570126", "number_type": "toll_free"}
    add_file(home, "numbers", "n", [{**row, "account_id": "ANN"} for row in ({"number": NUMBERS["ANN"]}, toll_free)])
    call = {"started_at": "2025-05-05T10:00:00Z", "duration_s": 600}
    calls = [
        {**call, "call_id": "1", "from_number": NUMBERS["ANN"], "to_number": "+33123456789"},
        {**call, "call_id": "2", "from_number": "+441132223344", "to_number": "+448081570126", "direction": "inbound"},
    ]
    add_file(home, "calls", "c", calls)
    run(home, "2025-06")
    assert rows(home, "select split_part(rate_id, '@', 1) from rated_usage order by 1") == [
        ("world:33",), ("world:toll_free",),
    ]  # fmt: skip
    catalog.write_text(catalog.read_text(encoding="utf-8").replace('"0.03"', '"0.05"'), encoding="utf-8")
    deck.write_text(deck.read_text(encoding="utf-8").replace("33,France,0.2093", "33,France,0.2593"), encoding="utf-8")
    dearer = rerate(asked(home, "2025-06"), Asked(deck="world"))
    assert told(dearer) == [("ANN", Decimal("2.093"), Decimal("2.593"))]
    assert told(rerate(asked(home, "2025-06"), Asked())) == [("ANN", Decimal("2.393"), Decimal("3.093"))]


def test_nothing_is_written_and_the_money_moves_as_told(home: Home) -> None:
    before = rows(home, "select count(*), sum(amount) from rated_usage")
    (ann,) = rerate(asked(home, "2025-06", "ANN"), Asked()).accounts
    assert ann["is_issued"] is False
    assert rows(home, "select count(*), sum(amount) from rated_usage") == before
    report = run(home, "2025-06")
    exact = "select sum(amount_num / amount_den) from rated_usage where run_id = $1 and account_id = 'ANN'"
    assert rows(home, exact, report.run_id) == [(float(ann["after"]),)]
    with pytest.raises(NothingToDo):
        rerate(asked(home, "2025-06"), Asked())


def test_of_an_issued_month_the_correction_moves_it(drafted_home: Home, tmp_path: Path) -> None:
    home = Home(shutil.copytree(drafted_home.root, tmp_path / "home"))
    row = {"subscription_id": "S", "account_id": "BOB", "quantity": "1"}
    add_file(home, "subscriptions", "s", [row])
    bill(home, "2025-06")
    deck = home.rates / "world.csv"
    deck.write_text(deck.read_text(encoding="utf-8").replace("33,France,0.2093", "33,France,0.2593"), encoding="utf-8")
    found = rerate(asked(home, "2025-06", "ANN"), Asked())
    assert [(row["difference"], row["is_issued"]) for row in found.accounts] == [(Decimal("1.000000000000"), True)]
    (ann,) = corrected(home, "2025-06", "ANN").differences
    # 5.19 instead of 4.19, and VAT.
    assert ann.after - ann.before == Decimal("1.20")
    with pytest.raises(NothingToDo):
        rerate(asked(home, "2025-06", "ANN"), Asked())
