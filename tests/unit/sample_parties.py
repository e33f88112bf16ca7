"""Sellers and customers for the sample documents, by country: the table is in sample_parties.yaml."""

from pathlib import Path
from typing import Any

import yaml

from schemas.document import BillTo, Seller

_TABLE: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "sample_parties.yaml").read_text(encoding="utf-8")
)


def _seller(country: str) -> Seller:
    return Seller(seller_id=f"luma-{country.lower()}", country=country, **_TABLE["sellers"][country])


def _customer(country: str) -> BillTo:
    return BillTo(country=country, **_TABLE["customers"][country])


COUNTRIES = ("US", "CA", "DE", "AU", "GB")
US_SELLER, CA_SELLER, DE_SELLER, AU_SELLER, GB_SELLER = map(_seller, COUNTRIES)
US_CUSTOMER, CA_CUSTOMER, DE_CUSTOMER, AU_CUSTOMER, GB_CUSTOMER = map(_customer, COUNTRIES)
