"""The hash of what was issued is that of its JSON, however it is reckoned."""

import hashlib
import json
from pathlib import Path

import pytest

from flows.books.outdated import issued_sha256
from flows.home.settings import Home
from flows.home.store import Store

PLAIN = ["B", "a 1", "A[1]", "Z~!#"]


@pytest.mark.parametrize("more", [[], ['quoted "A"'], ["back\\slash"], ["Ärger"], ["tab\tand"]])
def test_the_hash_is_that_of_the_json_of_all_documents(tmp_path: Path, more: list[str]) -> None:
    rows = sorted((account, "2025-06", digest) for account in [*PLAIN, *more] for digest in ("ff", "00"))
    with Store(Home(tmp_path / "home")) as store:
        for account, month, digest in reversed(rows):
            store.con.execute(
                "insert into issued_documents (account_id, invoice_month, document_sha256, run_id) "
                "values ($1, $2, $3, $4)",
                [account, month, digest, "this" if account == "B" else "other"],
            )
        assert issued_sha256(store) == _hash(rows)
        assert issued_sha256(store, without_run="this") == _hash([row for row in rows if row[0] != "B"])


def test_of_no_documents_it_is_that_of_an_empty_list(tmp_path: Path) -> None:
    with Store(Home(tmp_path / "home")) as store:
        assert issued_sha256(store) == _hash([])


def _hash(rows: list[tuple[str, str, str]]) -> str:
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()
