"""What an approval is bound to: what moved since the run voids it and is named; the runner does not."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.bill_run import run_direct, take_in
from flows.books.books import open_books
from flows.books.context import Request
from flows.books.runs import drafted_runs
from flows.home.objects import kept
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from flows.issue.may_approve import may_approve
from flows.review.page import review
from schemas.errors import NothingToDo, Refused
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def drafted_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("drafted") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    run_direct(_request(home, "anna"))
    return home


@pytest.fixture
def home(drafted_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(drafted_home.root, tmp_path / "home"))


def _request(home: Home, by: str) -> Request:
    return Request(str(home.root), "2025-06", by, NOW)


def _may(home: Home, by: str = "ben", manifest: str | None = None) -> None:
    with open_books(_request(home, by)) as books:
        may_approve(books, [run_id for run_id, *_ in drafted_runs(books.store, "2025-06")], manifest)


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _taken_in(home: Home) -> None:
    add_file(home, "devices", "more", [{"device_id": "B", "account_id": "ANN", "product_code": "ata"}])
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)


def _draft_edited(home: Home) -> None:
    with Store(home) as store:
        store.con.execute("update documents set document_json = replace(document_json, '31.00', '30.00')")


def _manifest_lost(home: Home) -> None:
    with Store(home) as store:
        kept(home, store.rows("select manifest_sha256 from runs")[0][0]).unlink()


CHANGES: dict[str, tuple[Callable[[Home], None], str]] = {
    "a file": (_taken_in, "feed devices has 1 record more"),
    "settings": (
        lambda home: _change(home.settings_file, "[billing]", "[billing]\nlookback_months = 2"),
        r"tollbook\.toml: billing\.lookback_months",
    ),
    "catalogue": (
        lambda home: _change(home.catalog / "catalog.yaml", '"3.10"', '"3.20"'),
        r"catalog/catalog\.yaml changed",
    ),
    "deck": (lambda home: _change(home.rates / "world.csv", "0.2093", "0.2094"), r"catalog/rates/world\.csv changed"),
    "a draft": (_draft_edited, "the draft of account ANN"),
    "the manifest": (_manifest_lost, "the manifest .* is missing or damaged"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_moved_since_the_run_is_named_and_voids_the_approval(home: Home, what: str) -> None:
    _may(home)
    change, named = CHANGES[what]
    change(home)
    with pytest.raises(Refused, match=f"has changed since: {named}.*run 2025-06"):
        _may(home)


def test_a_tax_table_that_changed_is_named(home: Home) -> None:
    (home.taxes).mkdir()
    (home.taxes / "gb").mkdir()
    source = Path(__file__).parents[2] / "data" / "reference" / "taxes" / "gb" / "vat.yaml"
    (home.taxes / "gb" / "vat.yaml").write_text(source.read_text(encoding="utf-8") + "\n# reviewed\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"taxes/gb/vat\.yaml changed"):
        _may(home)


def test_who_prepared_a_run_does_not_approve_it_unless_allowed(home: Home) -> None:
    for name in ("anna", " Anna"):
        with pytest.raises(Refused, match="may not approve"):
            _may(home, name)
    with Store(home) as store:
        store.con.execute("insert into run_events select run_id, 'open', 'ben', null, now() from runs")
        store.con.execute("insert into run_events select run_id, 'drafted', 'anna', null, now() from runs")
    with pytest.raises(Refused, match="ben ran this month"):
        _may(home, "ben")
    _may(home, "cleo")
    _change(home.settings_file, "[billing]", "[billing]\napprover_may_be_runner = true")
    with pytest.raises(Refused, match=r"billing\.approver_may_be_runner"):
        _may(home, "anna")
    run_direct(_request(home, "anna"))
    _may(home, "anna")


def test_the_manifest_that_was_looked_at_can_be_asked_for(home: Home) -> None:
    with Store(home) as store:
        bound = store.rows("select manifest_sha256 from runs")[0][0]
    _may(home, manifest=bound[:10].upper())
    with pytest.raises(Refused, match=f"is bound to manifest {bound}, not to 0123"):
        _may(home, manifest="0123")


def test_a_manifest_that_is_not_the_bound_one_is_written_again(home: Home) -> None:
    path = home.out("2025-06") / "manifest.json"
    before = path.read_bytes()
    path.write_bytes(b"{}")
    with pytest.raises(NothingToDo):
        run_direct(_request(home, "anna"))
    assert path.read_bytes() == before


def test_a_run_says_how_many_lines_it_left_out(home: Home) -> None:
    add_file(home, "devices", "more", [{"device_id": "B", "account_id": "ANN", "product_code": "ata", "active_from": x}
                                       for x in ("2025-05-32", "2025-05-01")])  # fmt: skip
    assert run_direct(_request(home, "anna")).files == {"known": 2, "loaded": 1, "lines rejected": 1}


def test_what_stops_the_approval_is_let_through_with_a_reason(home: Home) -> None:
    totals = home.inbox / "usage_totals" / "totals.csv"
    totals.parent.mkdir()
    totals.write_text("source,local_date,records,seconds\npbx,2025-05-03,2,90\n", encoding="utf-8")
    with open_books(_request(home, "anna")) as books:
        take_in(books)
    with pytest.raises(Refused, match=r"control_total pbx 2025-05-03: the switch wrote 2 records .*\n.*--override"):
        approve(_request(home, "ben"), None, None, None, None)
    with pytest.raises(Refused, match="--override"):
        approve(_request(home, "ben"), None, None, None, None, override="  ")
    with Store(home) as store:
        assert store.rows("select count(*) from issued_documents") == [(0,)]
    done = approve(_request(home, "ben"), None, None, None, None, override="a test call, see ticket 7")
    assert (len(done.issued), done.overridden) == (1, 1)
    with Store(home) as store:
        acts = store.rows(
            "select act, by_name, reason from audit_log where act in ('override', 'approve') order by seq"
        )
        assert acts == [("override", "ben", "a test call, see ticket 7"), ("approve", "ben", None)]
        found = review(store, load_settings(home), "2025-06")
    assert found.stops == []
    assert "let through by ben: a test call, see ticket 7" in "\n".join(found.lines())
    (stop,) = json.loads(found.json.read_text(encoding="utf-8"))["stops"]
    assert (stop["code"], stop["reason"]) == ("control_total", "a test call, see ticket 7")
    assert "a test call, see ticket 7" in found.html.read_text(encoding="utf-8")
