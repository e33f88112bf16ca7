"""The month's manifest: what went in and what came out, by hash (DESIGN, decision 5).

It holds nothing that a clock or a folder name could change: two fresh homes given the same records have the
same manifest, byte for byte (RULES 29).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from flows.books.books import Books
from flows.books.context import Request
from flows.books.runs import inputs_of, last_state
from flows.home.objects import keep, kept
from flows.home.settings import Home
from flows.home.store import Store
from flows.home.whole_files import write_atomic


def write_manifest(books: Books) -> str:
    """Writes out/<month>/manifest.json; returns its SHA-256."""
    store, month, home = books.store, books.request.invoice_month, books.request.home
    content: dict[str, Any] = {
        "invoice_month": month,
        "inputs": inputs_of(books).as_json(),
        "runs": _runs(store, month),
        "documents": _documents(store, month),
        "outputs": _outputs(home, month) | _erased_outputs(store, month),
    }
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    keep(home, text.encode())
    digest = write_atomic(home.out(month) / "manifest.json", text.encode())
    standing = [run["run_id"] for run in content["runs"]]
    store.rows("update runs set manifest_sha256 = $1 where list_contains($2, run_id)", [digest, standing])
    return digest


def write_correction_manifest(store: Store, request: Request, run_id: str) -> str:
    """Writes out/<month>/<run>.json, a manifest of a drafted correction alone: a month's own lists every document.

    Its approval is bound to it; then the month's manifest is written anew. Returns its SHA-256.
    """
    digest = store.rows("select inputs_sha256 from runs where run_id = $1", [run_id])[0][0]
    drafts = store.rows(
        "select draft_id, sha256(document_json) from documents where run_id = $1 order by draft_id", [run_id]
    )
    content: dict[str, Any] = {
        "invoice_month": request.invoice_month,
        "inputs": json.loads(kept(request.home, digest).read_bytes()),
        "runs": [run for run in _runs(store, request.invoice_month) if run["run_id"] == run_id],
        "documents": [{"number": number, "issue_date": None, "sha256": sha256} for number, sha256 in drafts],
        "outputs": {},
    }
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    keep(request.home, text.encode())
    bound = write_atomic(request.home.out(request.invoice_month) / f"{run_id}.json", text.encode())
    store.rows("update runs set manifest_sha256 = $1 where run_id = $2", [bound, run_id])
    return bound


def _runs(store: Store, month: str) -> list[dict[str, Any]]:
    rows = store.rows(
        "select run_id, kind, inputs_sha256, only_accounts from runs where invoice_month = $1 order by run_id", [month]
    )
    return [
        {
            "run_id": run_id,
            "kind": kind,
            "inputs_sha256": inputs,
            "only_accounts": only,
            "outcomes": _outcomes(store, run_id),
        }
        for run_id, kind, inputs, only in rows
        if last_state(store, run_id) in ("drafted", "approved")
    ]


def _outcomes(store: Store, run_id: str) -> dict[str, int]:
    return dict(
        store.rows(
            "select outcome, count(*) from run_accounts where run_id = $1 group by outcome order by outcome", [run_id]
        )
    )


def _documents(store: Store, month: str) -> list[dict[str, Any]]:
    """Issued documents and the drafts in force, with the hash of their canonical JSON."""
    rows = store.rows(
        """
        select invoice_number, issue_date::varchar, document_sha256 from issued_documents where invoice_month = $1
        union all
        select draft_id, null, sha256(document_json) from documents d where invoice_month = $1 and
            run_id in (select run_id from run_states where state = 'drafted') and
            not exists (select 1 from issued_documents i where i.run_id = d.run_id and i.draft_id = d.draft_id)
        order by 1""",
        [month],
    )
    return [{"number": number, "issue_date": issued, "sha256": digest} for number, issued, digest in rows]


def _erased_outputs(store: Store, month: str) -> dict[str, str]:
    """Usage files that were erased on request, with the hash that they were issued with."""
    rows = store.rows(
        "select distinct e.file, e.sha256 from erased_files e join rendered_documents r on r.usage_csv_file = e.file "
        "join issued_documents i using (invoice_number) where e.what = 'usage_csv' and i.invoice_month = $1 order by 1",
        [month],
    )
    return {f"usage/{Path(file).name}": sha256 for file, sha256 in rows}


def _outputs(home: Home, month: str) -> dict[str, str]:
    """The PDFs and usage files under out/<month>/; mails go out later, and the review reads the manifest's hash."""
    root = home.out(month)
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("invoices", "usage")
        for path in sorted((root / part).glob("*"))
    }
