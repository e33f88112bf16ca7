"""Who left six months ago and still has call detail is listed, with the act that erases it; nothing goes by itself."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from flows.ask.status import status
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.books.erasing_due import erasing_due
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.undo.erase import erase
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 12, 1, 9, tzinfo=UTC)
LEFT, GOES_ON, NO_CALLS = "LEFT", "GOES-ON", "NO-CALLS"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two accounts left on 31 May 2025, one of them with calls; a third goes on."""
    home = make_home(tmp_path_factory.mktemp("due") / "home")
    leaves = {"end_date": "2025-05-31"}
    accounts = [{"account_id": LEFT, **leaves}, {"account_id": GOES_ON}, {"account_id": NO_CALLS, **leaves}]
    add_file(home, "accounts", "accounts", accounts)
    numbers = {"+442079460101": LEFT, "+442079460102": GOES_ON}
    add_file(home, "numbers", "numbers", [{"number": number, "account_id": who} for number, who in numbers.items()])
    add_file(home, "calls", "calls", [
        {"call_id": number, "started_at": "2025-05-04T10:00:00Z", "from_number": number, "to_number": "+441632960199",
         "duration_s": 60}
        for number in numbers
    ])  # fmt: skip
    for by in ("anna", "ben"):
        request = Request(str(home.root), "2025-06", by, NOW, date(2025, 6, 2))
        run_direct(request) if by == "anna" else approve(request, None, None, None, None)
    with Store(home) as opened:
        yield opened


@pytest.mark.parametrize(("today", "listed"), [(date(2025, 11, 29), []), (date(2025, 11, 30), [LEFT])])
def test_six_months_after_the_last_day(store: Store, today: date, listed: list[str]) -> None:
    assert [row["account_id"] for row in erasing_due(store, today)] == listed


def test_status_names_the_account_and_the_act_until_it_is_done(store: Store) -> None:
    home, settings = store.home, load_settings(store.home)
    said = "\n".join(status(store, settings, None, today=date(2025, 12, 1)).lines())
    assert f"Due for erasing: {LEFT}, left on 2025-05-31: `tollbook erase {LEFT} --until 2025-05 --reason TEXT`" in said
    store.con.close()
    erase(Home(home.root), settings, LEFT, "2025-05", reason="six months have passed", by="dora", now=NOW)
    with Store(home) as again:
        assert erasing_due(again, date(2025, 12, 1)) == []
