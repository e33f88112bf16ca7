"""The four stages of a month: rate, charge, tax, draft."""
