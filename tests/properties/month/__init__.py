"""The slow twin of a whole month: from the rules' text alone, in fractions, one day and one call at a time.

`homes` invents a provider from a seed; `twin` says what its two months come to; `compare` holds that against what the
product drafted and issued. Nothing here imports what bills: rating, taxes, invoicing, schemas and flows are strangers,
but for the home that is written and billed by the product itself (`billed`).
"""
