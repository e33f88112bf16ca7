"""What mails carry: documents as they were issued and the files of theirs, read for many mails at once."""

import hashlib
from collections.abc import Collection
from typing import NamedTuple

from flows.home.settings import Home
from flows.home.store import Store
from schemas.document import Document
from schemas.errors import Refused

_PAPERS = """
    with files as (
        from rendered_documents where invoice_number in (select unnest($numbers))
        qualify row_number() over (partition by invoice_number order by rowid desc) = 1),
    erased as (
        select file as name from erased_files where what <> 'original' union all
        select sha256 from erased_files where what <> 'original')
    select invoice_number, document_json, document_sha256, pdf_file, pdf_sha256, usage_csv_file, usage_csv_sha256,
        usage_csv_file is not null and usage_csv_file in (select name from erased where name is not null)
    from issued_documents left join files using (invoice_number)
    where invoice_number in (select unnest($numbers))"""


class Paper(NamedTuple):
    """An issued document as the books have it, and its files; without a PDF it is not rendered yet."""

    text: str
    sha256: str
    pdf_file: str | None
    pdf_sha256: str
    csv_file: str | None
    csv_sha256: str
    csv_is_erased: bool

    def document(self) -> Document:
        """The document, if it is still what was issued."""
        if hashlib.sha256(self.text.encode()).hexdigest() != self.sha256:
            raise Refused("the stored document is not the one that was issued; restore tollbook.duckdb from a back-up")
        return Document.model_validate_json(self.text)


def papers_of(store: Store, numbers: Collection[str]) -> dict[str, Paper]:
    """Number -> its paper, of documents that are issued."""
    rows = store.rows(_PAPERS, {"numbers": list(numbers)}) if numbers else []
    return {number: Paper(*row) for number, *row in rows}


def checked(home: Home, file: str, sha256: str) -> bytes:
    """A file, if it is the one that was issued. Raises Refused where it is not."""
    try:
        content = (home.root / file).read_bytes()
    except OSError:
        raise Refused(
            f"{file} is missing or unreadable; `tollbook doctor --mend`, or a back-up, puts it back"
        ) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Refused(f"{file} is not the file that was issued; `tollbook doctor --mend`, or a back-up, puts it back")
    return content
