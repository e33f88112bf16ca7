"""Drafts numbered, frozen and printed."""
