"""Numbers are read once and counted on, documents are laid out before they get one, many in other processes."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import RunSettings, load_settings
from flows.home.store import Store
from flows.issue import freeze, printing
from flows.issue.approve import approve
from schemas.codes import Problem
from schemas.document import canonical
from schemas.errors import Refused
from tests.flows.issuing import no_pdfs
from tests.scenarios.month.home import add_file, make_home
from tests.unit import sample_documents as sample

NOW = datetime(2025, 9, 1, tzinfo=UTC)


def test_a_series_is_read_once_and_counted_on_over_frames_and_months(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": account} for account in "ABCDE"])
    add_file(
        home, "devices", "devices",
        [{"device_id": account, "account_id": account, "product_code": "ata"} for account in "ABCDE"],
    )  # fmt: skip
    frames: list[int] = []
    reads: list[int] = []
    numbered, last_numbers = freeze._numbered, freeze._last_numbers

    def one_frame(*asked: object) -> pl.DataFrame:
        frame = numbered(*asked)  # type: ignore[arg-type]
        frames.append(frame.height)
        return frame

    def one_read(store: Store) -> dict[freeze.Series, int]:
        last = last_numbers(store)
        reads.append(len(last))
        return last

    monkeypatch.setattr(freeze, "ISSUED_AT_ONCE", 2)
    monkeypatch.setattr(freeze, "_numbered", one_frame)
    monkeypatch.setattr(freeze, "_last_numbers", one_read)
    for month in ("2025-06", "2025-07"):
        run_direct(Request(str(home.root), month, "anna", NOW))
        with no_pdfs():
            approve(Request(str(home.root), month, "ben", NOW), None, None, None, None, override="a test")
    assert (frames, reads) == ([2, 2, 1, 2, 2, 1], [0, 1])
    with Store(home) as store:
        rows = store.rows(
            "select invoice_month, account_id, invoice_number, sequence, sha256(document_json) = document_sha256, "
            "issued_by, issued_at from issued_documents order by sequence"
        )
    issued = [(month, account) for month in ("2025-06", "2025-07") for account in "ABCDE"]
    assert rows == [
        (month, account, f"UK-2025-{place:06d}", place, True, "ben", NOW)
        for place, (month, account) in enumerate(issued, 1)
    ]


def test_many_drafts_are_laid_out_in_other_processes_with_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    settings = load_settings(home).model_copy(update={"run": RunSettings(render_processes=2)})
    fine = canonical(sample.american()).decode()
    broken = canonical(sample.american(invoice_month="2026-6x")).decode()
    here = printing.faults([fine, broken, fine], settings, home)
    told = "printing failed: WrongUsage: found month '2026-6x'; expected YYYY-MM, such as 2026-06"
    assert here == [None, Problem("printing_failed", told), None]
    unfit = canonical(sample.american(bill_to=sample.american().bill_to.model_copy(update={"name": ""}))).decode()
    monkeypatch.setattr(printing, "TRIED_HERE", 0)
    assert printing.faults([fine, broken, fine], settings, home) == here
    with pytest.raises(Refused, match="draft of account"):
        printing.faults([fine, unfit], settings, home)
    monkeypatch.setattr(printing, "fault", _ended)
    with pytest.raises(Refused, match=r"ended from outside.*nothing was issued.*render_processes"):
        printing.faults([fine, fine], settings, home)


def _ended(_: str) -> None:
    """What a process does that runs out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)
