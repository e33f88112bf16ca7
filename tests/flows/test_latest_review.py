"""`tollbook review` reads what was written where the books have not moved since, and makes it anew after any act."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from flows.bill_run import publish_snapshot, run_direct
from flows.books.context import Request
from flows.books.holds import park
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from flows.issue.preview import preview
from flows.review import page
from flows.review.latest import WrittenReview
from flows.review.look import latest_review
from schemas.errors import Refused
from tests.scenarios.month.home import add_file, make_home

NOW = datetime(2025, 6, 2, tzinfo=UTC)
MONTH = "2025-06"


def _request(home: Home, by: str = "anna") -> Request:
    return Request(str(home.root), MONTH, by, NOW, date(2025, 6, 2))


@pytest.fixture(scope="module")
def once_run(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A month run, with a stop: the switch counted a call that did not come."""
    home = make_home(tmp_path_factory.mktemp("run") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": name} for name in ("ANN", "BOB")])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    add_file(home, "usage_totals", "totals", [
        {"source": "pbx", "local_date": "2025-05-03", "records": "2", "seconds": "90"}
    ])  # fmt: skip
    run_direct(_request(home))
    return home


@pytest.fixture
def home(tmp_path: Path, once_run: Home) -> Home:
    return Home(shutil.copytree(once_run.root, tmp_path / "home"))


def _as_read(home: Home) -> WrittenReview:
    found = latest_review(home, load_settings(home), MONTH)
    assert isinstance(found, WrittenReview)
    return found


def _made_anew(home: Home) -> bool:
    return not isinstance(latest_review(home, load_settings(home), MONTH), WrittenReview)


def test_what_is_read_again_is_what_is_made_anew(home: Home) -> None:
    """Word for word, stops included, and without a look into the database."""
    with patch.object(Store, "__enter__", side_effect=AssertionError("the books were opened")):
        read = _as_read(home)
    lines, data = read.lines(), read.as_json()
    with Store(home) as store:
        made = page.review(store, load_settings(home), MONTH)
    assert (lines, data) == (made.lines(), json.loads(json.dumps(made.as_json())))
    assert any("the switch wrote 2 records" in line and "stops the approval" in line for line in lines)
    assert _as_read(home).lines() == lines, "looking changes nothing"


def _ingested(home: Home) -> None:
    add_file(home, "devices", "more", [{"device_id": "B", "account_id": "BOB", "product_code": "ata"}])
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)


def _refused_file(home: Home) -> None:
    (home.inbox / "devices" / "bad.csv").write_text("what,is\nthis,?\n", encoding="utf-8")
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)


def _parked(home: Home) -> None:
    with Store(home) as store:
        park(store, "ANN", "disputed", "anna", NOW)


def _overridden(home: Home) -> None:
    approve(_request(home, "ben"), None, None, None, None, override="the switch counts twice")


def _run_again(home: Home) -> None:
    """The run of another month: it writes its own review, and this month's tables tell of it."""
    run_direct(Request(str(home.root), "2025-07", "anna", NOW, date(2025, 7, 2)))


def _settings(home: Home) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("Example Telephone Ltd", "Another Name Ltd"), encoding="utf-8")


def _catalogue(home: Home) -> None:
    path = home.catalog / "catalog.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: Adapter", "name: Box"), encoding="utf-8")


def _previewed(home: Home) -> None:
    with Store(home) as store:
        preview(store, _request(home), load_settings(home))


ACTS: dict[str, Callable[[Home], object]] = {
    "a file taken in": _ingested,
    "a file refused": _refused_file,
    "an account set aside": _parked,
    "a stop let through and the month issued": _overridden,
    "a run of another month": _run_again,
    "settings": _settings,
    "catalogue": _catalogue,
    "a snapshot published": lambda home: publish_snapshot(_request(home)),
    "no snapshot": lambda home: home.published.unlink(),
    "an edited page": lambda home: (home.out(MONTH) / "review.html").write_text("edited", encoding="utf-8"),
    "a workbook gone": lambda home: (home.out(MONTH) / "review.xlsx").unlink(),
    "a preview made": _previewed,
    "a page gone": lambda home: (home.out(MONTH) / "review.json").unlink(),
}


@pytest.mark.parametrize("act", ACTS)
def test_any_act_makes_it_anew(home: Home, act: str) -> None:
    _as_read(home)
    ACTS[act](home)
    assert _made_anew(home)
    _as_read(home)


def test_a_run_again_is_read_from_its_own_review(home: Home) -> None:
    _parked(home)
    run_direct(_request(home))
    assert "Parked: ANN: set aside by anna: disputed" in "\n".join(_as_read(home).lines())


def test_what_waits_in_the_log_counts(home: Home) -> None:
    """Committed and not folded in yet: the database's own file is as it was."""
    with Store(home) as store:
        store.con.execute("set checkpoint_threshold = '1GB'")
        park(store, "ANN", "disputed", "anna", NOW)
        assert home.write_ahead_log.stat().st_size
        assert _made_anew(home)


def test_a_month_without_a_run_is_refused(home: Home) -> None:
    with pytest.raises(Refused, match="no run of 2025-09 stands"):
        latest_review(home, load_settings(home), "2025-09")
