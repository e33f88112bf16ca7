"""What must lie in a home beside its books: issued files as they were issued, and the contents that runs used."""

import hashlib
from pathlib import Path

from flows.home.store import Store


def issued_files(store: Store) -> list[tuple[str, str]]:
    """PDFs and usage files as they were issued, without those that were erased: path in the home, SHA-256."""
    return store.rows(
        "select file, sha256 from (select pdf_file as file, pdf_sha256 as sha256 from rendered_documents union all "
        "select usage_csv_file, usage_csv_sha256 from rendered_documents where usage_csv_file is not null) "
        "where file not in (select file from erased_files) order by file"
    )


def needed_contents(store: Store) -> list[str]:
    """Hashes of what store/ must hold: inputs of runs, source files, issued documents and their PDFs."""
    rows = store.rows(
        "select sha256 from (select inputs_sha256 as sha256 from runs union "
        "select document_sha256 from issued_documents where invoice_number in "
        "(select invoice_number from rendered_documents) union select pdf_sha256 from rendered_documents union "
        "select sha256 from source_files where state = 'loaded') "
        "where sha256 not in (select sha256 from erased_files) order by sha256"
    )
    return [sha256 for (sha256,) in rows]


def read_every_block(store: Store) -> int:
    """Reads all of every table, so that the checksum of each block is compared; how many tables there are. Raises
    duckdb.Error for a damaged one."""
    tables = [table for (table,) in store.rows("select table_name from duckdb_tables() order by 1")]
    for table in tables:
        store.rows(f'select count(*), bit_xor(hash(t)) from "{table}" t')
    return len(tables)


def sha256_of(path: Path) -> str | None:
    """Of a file's content; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
