"""Sellers whose settings still are what `tollbook init` wrote: invented banks, addresses and tax numbers.

Compared with the templates themselves (data/home, data/sample), so that a value that is changed there is known here.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from flows.home.settings import Settings

_SHARED = ("account_holder", "label", "country")
"""Of banks and registrations: what others rightly have alike. The account holder is the seller's own name."""
_PRINTED = (
    "bank", "address_lines", "tax_id", "registrations", "name", "brand", "email", "phone", "website", "payment_url",
)  # fmt: skip
"""Keys of [sellers.<id>] that no two sellers have alike, and that documents print; where the money goes first."""


def left_as_shipped(settings: Settings) -> dict[str, list[str]]:
    """seller_id -> those of its keys that hold something `tollbook init` wrote; sellers with none are left out."""
    found = {}
    for seller_id, seller in settings.sellers.items():
        values = seller.model_dump(mode="json", include=set(_PRINTED), exclude_none=True)
        keys = [key for key in _PRINTED if _said(values.get(key)) & _shipped()[key]]
        if keys:
            found[seller_id] = keys
    return found


def told(found: dict[str, list[str]]) -> list[str]:
    """A sentence for all sellers that have the same keys left, with what to change."""
    sellers: dict[tuple[str, ...], list[str]] = {}
    for seller_id, keys in found.items():
        sellers.setdefault(tuple(keys), []).append(seller_id)
    return [_told(ids, keys) for keys, ids in sellers.items()]


def _told(sellers: list[str], keys: tuple[str, ...]) -> str:
    table = f"[sellers.{sellers[0] if len(sellers) == 1 else '<id>'}]"
    change = f"Under {table} in tollbook.toml change {', '.join(keys)}"
    return f"{', '.join(sellers)}: documents print examples that `tollbook init` wrote. {change}"


@cache
def _shipped() -> dict[str, set[str]]:
    """Key -> what the templates' sellers say under it."""
    values: dict[str, set[str]] = {key: set() for key in _PRINTED}
    for template in ("home", "sample"):
        text = (resources.files("data") / template / "tollbook.toml").read_text(encoding="utf-8")
        for seller in tomllib.loads(text)["sellers"].values():
            for key in _PRINTED:
                values[key] |= _said(seller.get(key))
    return values


def _said(value: Any) -> set[str]:
    """The texts in a value that are somebody's own, without blanks and case; the lines of an address are one."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = " ".join(value)
    return {"".join(text.split()).casefold() for text in _texts(value)} - {""}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in _SHARED:
                yield from _texts(part)
