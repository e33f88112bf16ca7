"""Charges and tax rows to documents that add up. Pure: no clock, no database, no numbering of its own."""
