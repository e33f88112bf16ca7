"""Runs, documents that stand, what must balance, what a run knew, and the snapshot analysts read."""
