"""A document to HTML, PDF and e-mail. Reads nothing but the document and the templates' own files."""
