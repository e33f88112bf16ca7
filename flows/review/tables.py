"""What the review shows, in its order: groups of tables. The SQL is in review.sql."""

from dataclasses import dataclass

from flows.review.spec import Spec
from flows.review.tables_documents import DOCUMENTS
from flows.review.tables_money import MONEY
from flows.review.tables_open import OPEN
from flows.review.tables_taxes_usage import TAXES, USAGE


@dataclass(frozen=True)
class Group:
    """Tables that belong together, under one heading."""

    title: str
    tables: dict[str, Spec]


GROUPS: dict[str, Group] = {
    "open": Group("What is left to do", OPEN),
    "documents": Group("Documents", DOCUMENTS),
    "money": Group("Money", MONEY),
    "taxes": Group("Taxes", TAXES),
    "usage": Group("Usage and files", USAGE),
}

TABLES: dict[str, Spec] = {name: spec for group in GROUPS.values() for name, spec in group.tables.items()}
