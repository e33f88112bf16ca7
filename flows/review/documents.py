"""The month's documents as the review lists them, with links, relative to the page, to the files that are there."""

import os
from pathlib import Path

from flows.books.previews import waiting_drafts
from flows.home.store import Store
from flows.review.cells import Rows

_FILES = """
    select invoice_number, arg_max(pdf_file, rowid), arg_max(usage_csv_file, rowid) from rendered_documents
    group by invoice_number"""


def with_files(store: Store, documents: Rows, month: str) -> Rows:
    """Adds `pdf` (of a draft: its preview) and `usage_csv`, null where there is no file; run_id and draft_id go."""
    root, page = store.home.root, store.home.out(month)
    issued = {number: files for number, *files in store.rows(_FILES)}
    previews = {(it.run_id, it.draft_id): it.preview(store.home) for it in waiting_drafts(store, month)}

    def link(path: Path | None) -> str | None:
        return Path(os.path.relpath(path, page)).as_posix() if path is not None and path.is_file() else None

    listed = []
    for row in documents:
        pdf, usage = issued.get(row["invoice_number"], (None, None))
        preview = previews.get((row["run_id"], row["draft_id"]))
        listed.append(
            {
                **{name: value for name, value in row.items() if name not in ("run_id", "draft_id")},
                "pdf": link(root / pdf if pdf else preview),
                "usage_csv": link(root / usage if usage else None),
            }
        )
    return listed
