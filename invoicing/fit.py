"""Whether a document may be issued."""

from invoicing.documents import faults
from invoicing.required import missing
from schemas.codes import Problem
from schemas.document import Document


def unfit(document: Document) -> Problem | None:
    """Why the document may not be issued, or None: what does not add up, what its country demands and it lacks."""
    if broken := faults(document):
        return Problem("document_faulty", "; ".join(broken))
    if lacks := missing(document):
        return Problem("document_lacks", f"the document lacks {'; '.join(lacks)}")
    return None
