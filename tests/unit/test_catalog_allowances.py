"""What a plan may not say of its allowances: each is refused with the words that lead to the fault."""

from typing import Any

import pytest

from schemas.allowance import ranks
from schemas.catalog import Catalog

TAXED = {"tax_class": "telephony", "telecom_percent": "100", "interstate": "none"}
PRODUCTS = {
    "minutes": {"name": "Minutes", "section": "included_minutes", "billed_from": "usage", **TAXED},
    "phone": {"name": "Phone", "section": "service_fees", "billed_from": "devices", **TAXED},
    "seat": {"name": "Seat", "section": "service_fees", "billed_from": "subscriptions", **TAXED},
}


def _catalog(a: dict[str, Any], b: dict[str, Any] | None = None, **drawing: Any) -> Catalog:
    """Allowance `a` (and `b`) and which rules draw on them."""
    base = {"name": "Minutes", "unit": "minute", "units": 10, "products": ["phone"]}
    rule = {"rate": {"price": "0.01"}, "included": "minutes", "charged": "minutes"}
    allowances = {"a": {**base, **a}} | ({"b": {**base, **b}} if b is not None else {})
    usage = {category: {**rule, "allowance": listed} for category, listed in drawing.items()}
    plan = {"name": "P", "currency": "GBP", "domestic": ["GB"], "usage": usage, "allowances": allowances}
    return Catalog.model_validate({"products": PRODUCTS, "plans": {"p": plan}})


@pytest.mark.parametrize(
    ("says", "a", "b", "drawing"),
    [
        ("unknown allowance 'c'", {}, None, {"domestic": ["a", "c"]}),
        ("each once", {}, None, {"domestic": ["a", "a"]}),
        ("one or more", {}, None, {"domestic": []}),
        ("opposite orders", {}, {}, {"domestic": ["a", "b"], "international": ["b", "a"]}),
        ("draws on it once: domestic, mobile", {"order": ["domestic"]}, None, {"domestic": "a", "mobile": "a"}),
        ("names a category twice", {"order": ["domestic", "domestic"]}, None, {"domestic": "a"}),
        ("'seat' is billed_from subscriptions", {"products": ["seat"], "pool": "device"}, None, {}),
        ("'seat' is billed_from subscriptions", {"products": ["seat"], "devices": "low_usage"}, None, {}),
        ("low_usage needs per: resource", {"per": "account", "devices": "low_usage"}, None, {}),
        ("pool: device needs per: resource", {"per": "account", "pool": "device"}, None, {}),
        ("do not count against a low-usage pool", {"devices": "low_usage"}, None, {"internal": "a"}),
        ("'a' counts minutes", {}, None, {"sms": "a"}),
        ("'a' counts credits", {"unit": "credit"}, None, {"domestic": "a"}),
        ("expected 0 to", {"units": -1}, None, {}),
        ("expected 0 to", {"units": 10**24}, None, {}),
    ],
)  # fmt: skip
def test_an_allowance_that_could_not_be_used_as_written_is_refused(
    says: str, a: dict[str, Any], b: dict[str, Any] | None, drawing: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=says):
        _catalog(a, b, **drawing)


def test_lists_agree_on_turns() -> None:
    assert _catalog({}, {"pool": "device"}, domestic=["b", "a"], mobile="a").plans["p"].usage["mobile"].allowance == (
        "a",
    )
    assert ranks([("own", "site"), ("site", "all"), ("own", "all"), ("sms",)]) == {
        "own": 0,
        "site": 1,
        "all": 2,
        "sms": 0,
    }


def test_two_allowances_never_share_their_id() -> None:
    allowance = {"name": "Minutes", "unit": "minute", "units": 10, "products": ["phone"]}
    plan = {"name": "P", "currency": "GBP", "domestic": ["GB"], "usage": {}}
    plans = {"a": {**plan, "allowances": {"b:c": allowance}}, "a:b": {**plan, "allowances": {"c": allowance}}}
    with pytest.raises(ValueError, match="plan a:b, allowance c: allowance b:c of plan a is called a:b:c too; rename"):
        Catalog.model_validate({"products": PRODUCTS, "plans": plans})
    assert Catalog.model_validate({"products": PRODUCTS, "plans": {"a:b": plans["a:b"]}}).plans
