"""Corrections of issued months."""
