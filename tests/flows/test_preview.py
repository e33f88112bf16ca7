"""Drafts drawn to be looked at: marked in their language, nothing numbered, nothing written, gone when stale."""

import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from flows.ask.doctor import doctor
from flows.books.previews import waiting_drafts
from flows.correct.month import correct
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue import printing
from flows.issue.approve import approve
from flows.issue.preview import Preview, preview
from flows.review.page import review
from flows.undo.erase import erase
from flows.undo.rollback import rollback
from schemas.errors import NothingToDo, WrongUsage
from templates.render import pdf_of_json
from tests import forked
from tests.flows.issuing import asked, issue, rows, run
from tests.scenarios.month.home import add_file, make_home

MONTH = "2025-06"
NUMBER = "+442079460101"


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """June drafted for Ann, in English, and Bob, in German; Cat's billing has not begun."""
    home = make_home(tmp_path_factory.mktemp("preview") / "home")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write("\n[run]\nrender_processes = 1\n")
    add_file(home, "accounts", "accounts", [
        {"account_id": "ANN"}, {"account_id": "BOB", "locale": "de_DE"},
        {"account_id": "CAT", "billing_start_date": "2026-01-01", "service_start_date": "2026-01-01"},
    ])  # fmt: skip
    add_file(home, "devices", "devices", [
        {"device_id": name, "account_id": name, "product_code": "ata"} for name in ("ANN", "BOB")
    ])  # fmt: skip
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    _call(home, "may", "33123456789")
    run(home, MONTH)
    return home


@pytest.fixture
def home(drafted: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(drafted.root, tmp_path / "home"))


def _call(home: Home, name: str, to: str) -> None:
    call = {"call_id": name, "started_at": "2025-05-20T10:00:00Z", "from_number": NUMBER, "to_number": f"+{to}",
            "duration_s": 600}  # fmt: skip
    add_file(home, "calls", name, [call])


def _previewed(home: Home, *accounts: str, month: str = MONTH) -> Preview:
    with Store(home) as store:
        return preview(store, asked(home, month, *accounts), load_settings(home))


def _content(home: Home) -> dict[str, str]:
    """A checksum of every table's rows."""
    with Store(home) as store:
        tables = [name for (name,) in store.rows("select table_name from duckdb_tables() order by 1")]
        return {table: str(store.rows(f"select count(*), bit_xor(hash(t)) from {table} t")) for table in tables}


def _pages(home: Home, file: str) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO((home.root / file).read_bytes())).pages]


def test_every_page_says_in_its_language_that_it_is_a_draft_and_no_invoice(home: Home) -> None:
    done = _previewed(home)
    assert list(done.files) == ["DRAFT-2025-06-ANN", "DRAFT-2025-06-BOB"]
    ann, bob = (_pages(home, file) for file in done.files.values())
    assert all("DRAFT" in page and "it is no invoice yet" in page for page in ann)
    assert all("ENTWURF" in page and "noch keine Rechnung" in page for page in bob)
    assert not done.incomplete
    assert done.lines() == ["2025-06: 2 drafts to look at in out/2025-06/preview; nothing is issued"]


def test_nothing_is_written_to_the_books_and_nothing_lists_a_preview(home: Home) -> None:
    manifest = (home.out(MONTH) / "manifest.json").read_bytes()
    journal = home.journal.read_bytes()
    before = _content(home)
    _previewed(home)
    assert _content(home) == before
    assert before["issued_documents"] == str([(0, None)])
    assert ((home.out(MONTH) / "manifest.json").read_bytes(), home.journal.read_bytes()) == (manifest, journal)
    faults = [check for check in doctor(home).checks if check.state == "fail" and check.name != "mail server"]
    assert faults == []


def test_the_review_leads_to_them_and_to_nothing_that_is_not_there(home: Home) -> None:
    with Store(home) as store:
        before = review(store, load_settings(home), MONTH)
        assert [row["pdf"] for row in before.tables["documents"]] == [None, None]
        done = preview(store, asked(home, MONTH), load_settings(home))
        after = review(store, load_settings(home), MONTH)
    links = [row["pdf"] for row in after.tables["documents"]]
    assert [f"out/{MONTH}/{link}" for link in links] == list(done.files.values())
    assert all(f'href="{link}"' in after.html.read_text(encoding="utf-8") for link in links)


def test_drafts_made_anew_have_other_previews_and_the_old_ones_go(home: Home) -> None:
    first = _previewed(home).files
    _call(home, "more", "33123456780")
    run(home, MONTH)
    assert not (home.out(MONTH) / "preview").exists(), "the run's review shows no draft that gave way"
    second = _previewed(home).files
    assert (second.keys(), set(second.values()) & set(first.values())) == (first.keys(), set())
    (home.out(MONTH) / "preview" / "forgotten.pdf").write_bytes(b"%PDF")
    assert _previewed(home).files == second, "the same drafts have the same names"
    assert {home.relative(file) for file in (home.out(MONTH) / "preview").iterdir()} == set(second.values())


def test_some_accounts_only(home: Home) -> None:
    done = _previewed(home, "BOB", "CAT")
    assert (list(done.files), done.without_draft, done.incomplete) == (["DRAFT-2025-06-BOB"], ["CAT"], True)
    with pytest.raises(NothingToDo, match="has no draft of CAT to look at"):
        _previewed(home, "CAT")
    with pytest.raises(WrongUsage, match="--account: unknown ZOE"):
        _previewed(home, "ANN", "ZOE")
    with pytest.raises(NothingToDo, match="`tollbook run 2025-07` drafts"):
        _previewed(home, month="2025-07")


def _not_anns(text: bytes) -> bytes:
    """Top-level: a spawned process is handed it."""
    if b'"account_id":"ANN"' in text:
        raise ZeroDivisionError("a price of zero")
    return pdf_of_json(text)


def test_a_draft_that_cannot_be_printed_holds_up_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _content(home)
    monkeypatch.setattr(printing, "pdf_of_json", _not_anns)
    done = _previewed(home)
    assert list(done.files) == ["DRAFT-2025-06-BOB"]
    assert done.unprinted == [("ANN", "printing failed: ZeroDivisionError: a price of zero")]
    assert done.incomplete
    assert _content(home) == before, "nobody is parked by looking"


def test_issuing_one_draft_takes_its_preview_away_and_leaves_the_others(home: Home) -> None:
    """And corrections and supplementary drafts are drafts like any."""
    _previewed(home)
    issue(home, MONTH)
    assert not (home.out(MONTH) / "preview").exists()
    add_file(home, "devices", "more", [{"device_id": "A2", "account_id": "ANN", "product_code": "ata"}])
    correct(asked(home, MONTH, "ANN", today="2025-06-20"), "a second adapter")
    add_file(home, "accounts", "eve", [{"account_id": "EVE"}])
    add_file(home, "devices", "eve", [{"device_id": "EVE", "account_id": "EVE", "product_code": "ata"}])
    run(home, MONTH)
    done = _previewed(home)
    assert len([draft for draft in done.files if "ANN" in draft]) >= 1
    assert "DRAFT-2025-06-EVE" in done.files
    issue(home, MONTH, "supplementary")
    left = {Path(file).name for file in done.files.values() if "ANN" in file}
    assert {file.name for file in (home.out(MONTH) / "preview").iterdir()} == left


def test_a_rollback_and_an_erasure_take_away_what_rests_on_the_detail(home: Home) -> None:
    _previewed(home)
    with Store(home) as store:
        rollback(store, load_settings(home), "inbox/calls/may.csv", by="dora", now=datetime(2025, 6, 3, tzinfo=UTC))
    assert not (home.out(MONTH) / "preview").exists()
    with Store(home) as store:
        assert waiting_drafts(store) == []


def test_an_erasure_takes_away_the_previews_of_drafts_that_it_makes_void(home: Home) -> None:
    issue(home, MONTH)
    run(home, "2025-07")
    _previewed(home, month="2025-07")
    assert list((home.out("2025-07") / "preview").glob("*ANN*"))
    now = datetime(2025, 7, 20, tzinfo=UTC)
    done = erase(home, load_settings(home), "ANN", "2025-05", reason="asked for", by="dora", now=now)
    assert done.voided
    assert not (home.out("2025-07") / "preview").exists()
    run(home, "2025-07")
    assert "DRAFT-2025-07-ANN" in _previewed(home, month="2025-07").files, "who is erased is billed on, and drawn"


def test_the_command(home: Home) -> None:
    """0, as JSON; 2, 3 and 5."""

    def ended(*words: str) -> tuple[int, str]:
        done = forked.tollbook("--home", str(home.root), "--today", f"{MONTH}-02", "--by", "ben", *words)
        return done.returncode, done.stdout

    code, out = ended("--json", "preview", MONTH)
    told = json.loads(out)
    assert (code, list(told["files"]), told["unprinted"]) == (0, ["DRAFT-2025-06-ANN", "DRAFT-2025-06-BOB"], [])
    assert all((home.root / file).is_file() for file in told["files"].values())
    assert 'href="preview/DRAFT-2025-06-ANN-' in (home.out(MONTH) / "review.html").read_text(encoding="utf-8")
    assert ended("preview", MONTH, "--account", "ZOE")[0] == 2
    assert ended("preview", MONTH, "--account", "BOB", "--account", "CAT")[0] == 3
    assert ended("preview", "2025-07")[0] == 5
    assert rows(home, "select count(*) from issued_documents") == [(0,)]
    approve(asked(home, MONTH, by="ben"), None, None, None, None)
