"""The layouts of rate decks, by name. Apart from what reads them, so that `--help` can name them at once."""

from typing import Literal

DeckFormat = Literal["tollbook", "kazoo", "a2billing", "astpp", "az", "npanxx"]
"""Whose layout a deck file has (flows/decks/formats.py); tollbook is the canonical one."""
