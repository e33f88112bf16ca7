"""Facts of law that more than one of the strangers between flows and schemas goes by."""

EU_MEMBERS = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
"""Member states of the European Union, by ISO 3166 (Greece is GR, though its VAT ids begin with EL)."""

OWN_FEES = frozenset({"USF", "RRF", "SLRRF", "CA_FEDERAL_FEE", "CA_PROVINCIAL_FEE"})
"""Codes of what the provider recovers for itself; calling it a government's tax is forbidden (RULES 23)."""
