"""A simulated year: what all documents come to is what everything that was ever said comes to, to the cent."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from flows.books.ledger import balance_files
from flows.home.settings import Home
from flows.home.store import Store
from flows.undo.rollback import rollback
from schemas.errors import NothingToDo
from tests.flows.issuing import NOW, asked, corrected, draft_only, issue, no_stops, rows
from tests.flows.year import MONTHS, Year
from tests.flows.year_home import CATALOG, DECKS, RAISED, SETTINGS
from tests.flows.year_kinds import simulated_year
from tests.scenarios.month.home import add_file

Sums = dict[str, tuple[Decimal, Decimal]]


def _home(root: Path) -> Home:
    home = Home(root)
    home.rates.mkdir(parents=True)
    home.settings_file.write_text(SETTINGS, encoding="utf-8")
    (home.catalog / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    for name, deck in DECKS.items():
        (home.rates / name).write_text(deck, encoding="utf-8")
    return home


def _arrive(home: Home, year: Year, month: str, but_for: str | None = None) -> None:
    for feed, name, delivered in year.deliveries[month]:
        if f"inbox/{feed}/{name}.csv" != but_for:
            add_file(home, feed, name, delivered)


def _lived(root: Path, year: Year) -> Home:
    """Month by month, as things came: late files, a wrong one taken back, a raise entered late; then corrected."""
    home = _home(root)
    # Held open, so that the database is not opened and folded together by every stage of twelve months.
    with Store(home), no_stops():
        _live(home, year)
    return home


def _live(home: Home, year: Year) -> None:
    for month in MONTHS:
        _arrive(home, year, month)
        if month == year.deck_from:
            (home.rates / "world.csv").write_text(RAISED, encoding="utf-8")
        for earlier in sorted(set(year.corrected_before.get(month, []))):
            _correct_if_needed(home, earlier, f"{month}-01")
        draft_only(home, month)
        # What was taken in is put away, or every later command would look at each file again.
        shutil.rmtree(home.inbox)
        issue(home, month)
        if wrong := year.rolled_back.get(month):
            with Store(home) as store:
                rollback(store, asked(home, month).settings(), wrong, by="anna", now=NOW)
            corrected(home, month, today=f"{month}-20")
    for month in MONTHS:
        _correct_if_needed(home, month)


def _correct_if_needed(home: Home, month: str, today: str = "2026-06-20") -> bool:
    try:
        corrected(home, month, today=today)
    except NothingToDo:
        return False
    return True


def _fresh(root: Path, year: Year) -> Home:
    """Everything known from the first day on."""
    home = _home(root)
    (home.rates / "world.csv").write_text(RAISED, encoding="utf-8")
    for month in MONTHS:
        _arrive(home, year, month, year.rolled_back.get("2025-12"))
    with Store(home), no_stops():
        for month in MONTHS:
            draft_only(home, month)
            shutil.rmtree(home.inbox, ignore_errors=True)
            issue(home, month)
    return home


def _sums(home: Home) -> Sums:
    """account -> (net, total) of all issued documents."""
    found = rows(
        home,
        "select account_id, sum((document_json ->> '$.subtotal')::decimal(38, 2)), "
        "sum((document_json ->> '$.total')::decimal(38, 2)) from issued_documents group by account_id order by 1",
    )
    return {account: (Decimal(net), Decimal(total)) for account, net, total in found}


def _written_off(home: Home) -> dict[str, list[Decimal]]:
    """account -> what each call that was written off would have cost, dearest first."""
    found = rows(
        home,
        "select account_id, list(amount order by amount desc) from rated_usage where billed_as = 'written_off' "
        "and run_id in (select run_id from issued_documents) group by account_id",
    )
    return {account: [Decimal(amount) for amount in amounts] for account, amounts in found}


@pytest.fixture(scope="module")
def year() -> Year:
    return simulated_year(2026)


@pytest.fixture(scope="module")
def lived(year: Year, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return _lived(tmp_path_factory.mktemp("lived") / "home", year)


def test_a_year_of_documents_comes_to_what_is_owed(year: Year, lived: Home, tmp_path: Path) -> None:
    owed, issued = _sums(_fresh(tmp_path / "fresh", year)), _sums(lived)
    written_off = _written_off(lived)
    assert set(written_off) == {"UK-3"}
    assert all(amount > 0 for amount in written_off["UK-3"])
    apart = sum(written_off["UK-3"])
    net, total = owed["UK-3"]
    assert issued == owed | {"UK-3": (net - apart, total - apart * Decimal("1.2"))}
    assert set(owed) == set(year.accounts)
    parked = rows(lived, "select account_id, reason from run_accounts where outcome = 'parked'")
    assert parked == []


def test_nothing_is_left_to_correct(lived: Home) -> None:
    assert [month for month in MONTHS[3::4] if _correct_if_needed(lived, month)] == []


def test_numbers_have_no_gap_and_what_was_corrected_is_named(lived: Home) -> None:
    gaps = rows(
        lived,
        "select series, year(issue_date), count(*), max(sequence) from issued_documents group by all "
        "having count(*) <> max(sequence)",
    )
    assert gaps == []
    kinds = dict(rows(lived, "select o.correction, count(*) from documents o join issued_documents i "
                             "using (run_id, draft_id) where o.correction is not null group by 1"))  # fmt: skip
    assert kinds["reversal"] >= kinds["replacement"] > 5
    assert kinds["adjustment"] > 2
    with Store(lived) as store:
        balance_files(store)


def test_what_the_year_is_about_came_up(lived: Home) -> None:
    """Two cycles of thirty days begun in one month and none in another, terms at the price of their renewal, places,
    suspensions."""
    issued = "from issued_documents i join {} using (run_id, draft_id) where i.account_id = '{}'"
    begun = rows(lived, "select month, count(*) from (select distinct strftime(period_start, '%Y-%m') as month, "
                        f"period_start {issued.format('invoice_lines', 'UK-21')} and charge_type = 'recurring' "
                        "and period_end - period_start = 30) group by month")  # fmt: skip
    assert dict(begun)["2025-12"] == 2
    assert "2026-02" not in dict(begun)
    renewed = f"select distinct unit_price {issued.format('invoice_lines', 'UK-23')} and resource_id = 'S-UK-23'"
    assert {Decimal(price) for (price,) in rows(lived, renewed)} == {Decimal(651), Decimal(1302)}
    for account, places in (
        ("CA-21", {"CA-ON", "CA-QC"}),
        ("US-21", {"US-TX", "US-IL"}),
        ("US-22", {"US-TX", "US-IL"}),
    ):
        taxed = rows(lived, f"select distinct t.jurisdiction {issued.format('invoice_taxes t', account)}")
        assert places <= {place for (place,) in taxed}
    suspended = rows(lived, "select distinct account_id from suspended_usage where reason = 'service_suspended'")
    assert {account for (account,) in suspended} == {"UK-24", "UK-25"}
