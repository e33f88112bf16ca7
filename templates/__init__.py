"""A document to HTML, PDF and e-mail. Reads nothing but the document and the templates' own files."""

TEMPLATE_VERSION = "3"
"""Stored in every document. Raise it when a change alters what an equal document looks like."""
