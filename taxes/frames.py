"""The frames that go into and come out of `taxes.apply`, column by column. Amounts are in the document's currency."""

import polars as pl

from schemas.money import EXACT

LINES = pl.Schema(
    {
        "draft_id": pl.String(),
        "line_no": pl.Int64(),
        "amount": EXACT,
        "tax_class": pl.String(),
        "telecom_percent": EXACT,
        "interstate": pl.String(),
        "jurisdiction": pl.String(),
        "tax_date": pl.Date(),
        "period_start": pl.Date(),
        "period_end": pl.Date(),
        "product_code": pl.String(),
        "section": pl.String(),
    }
)
"""Printed lines: `amount` rounded, `tax_date` null unless inherited from the line it reverses, period half-open."""

DOCUMENTS = pl.Schema(
    {
        "draft_id": pl.String(),
        "account_id": pl.String(),
        "seller_id": pl.String(),
        "seller_country": pl.String(),
        "seller_vat_countries": pl.List(pl.String()),
        "customer_type": pl.String(),
        "country": pl.String(),
        "region": pl.String(),
        "tax_id": pl.String(),
        "invoice_date": pl.Date(),
        "tax_point": pl.Date(),
        "currency": pl.String(),
        "minor_digits": pl.Int64(),
        "locale": pl.String(),
    }
)
"""One row per document; `seller_vat_countries` are those where the seller is established for VAT."""

CERTIFICATES = pl.Schema(
    {
        "account_id": pl.String(),
        "certificate_number": pl.String(),
        "tax_code": pl.String(),
        "jurisdiction": pl.String(),
        "valid_from": pl.Date(),
        "valid_to": pl.Date(),
    }
)
"""`valid_to` is the last day included; null: no end."""

ID_CHECKS = pl.Schema(
    {
        "account_id": pl.String(),
        "tax_id": pl.String(),
        "checked_at": pl.Datetime("us", "UTC"),
        "result": pl.String(),
        "reference": pl.String(),
    }
)

TAXES = pl.Schema(
    {
        "draft_id": pl.String(),
        "tax_no": pl.Int64(),
        "tax_code": pl.String(),
        "kind": pl.String(),
        "jurisdiction": pl.String(),
        "tax_date": pl.Date(),
        "gross_base": EXACT,
        "taxable_percent": EXACT,
        "base_amount": EXACT,
        "exempt_amount": EXACT,
        "rate_percent": EXACT,
        "amount": EXACT,
        "certificate_number": pl.String(),
        "note": pl.String(),
        "name": pl.String(),
        "text": pl.String(),
        "reference": pl.String(),
        "table": pl.String(),
    }
)

PARKED = pl.Schema({"account_id": pl.String(), "draft_id": pl.String(), "reason": pl.String()})
