"""Whether a document may be issued."""

from invoicing.documents import faults
from invoicing.required import missing
from schemas.document import Document


def unfit(document: Document) -> str | None:
    """Why the document may not be issued, or None: what does not add up, what its country demands and it lacks."""
    if found := faults(document):
        return "; ".join(found)
    return f"the document lacks {'; '.join(lacks)}" if (lacks := missing(document)) else None
