"""Issued documents by mail: queued, each sent once, and what became of it."""
