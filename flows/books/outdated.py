"""Drafts of before: a draft is what issued documents left owing, so that what is issued since makes it void."""

import hashlib
import json

from flows.home.store import Store

_OF_PLAIN = r"""
    select coalesce(bool_and(regexp_full_match(account_id, '[ !#-\[\]-~]*')), false),
        sha256('[' || string_agg('["' || account_id || '","' || invoice_month || '","' || document_sha256 || '"]', ','
            order by account_id, invoice_month, document_sha256) || ']')
    from issued_documents where run_id is distinct from $1"""
"""The same in one statement, where no text is written in JSON otherwise than as it stands."""


def issued_sha256(store: Store, without_run: str | None = None) -> str:
    """A hash of every issued document, without those of one run: what a run subtracts (RULES 7)."""
    ((plain, digest),) = store.rows(_OF_PLAIN, [without_run])
    if plain:
        return str(digest)
    documents = store.rows(
        "select account_id, invoice_month, document_sha256 from issued_documents "
        "where run_id is distinct from $1 order by account_id, invoice_month, document_sha256",
        [without_run],
    )
    return hashlib.sha256(json.dumps(documents, separators=(",", ":")).encode()).hexdigest()


def outdated_runs(store: Store) -> frozenset[str]:
    """Runs whose drafts wait and may not be approved any more, because other documents were issued since."""
    drafted = store.rows("select run_id, issued_sha256 from run_states where state = 'drafted'")
    return frozenset(run_id for run_id, issued in drafted if issued != issued_sha256(store, without_run=run_id))
