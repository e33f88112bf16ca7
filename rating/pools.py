"""Which allowances calls may draw on, and who shares them (RULES 11). How they are used up: rating/draws.py."""

from dataclasses import dataclass

import polars as pl

from rating.devices import Devices
from schemas.allowance import allowance_id, ranks
from schemas.catalog import Catalog

NEXT = "\x1f"
"""Between the allowances of a rule, in the order in which its calls draw on them; in no name."""


@dataclass(frozen=True)
class Pools:
    """Which allowances there are to draw on, and how.

    lists: listed (as rating.decks.rules names them), allowance_id, turn, shared_by (account, billing_group, device),
    devices (all, low_usage, standard), needs_device. places: allowance_id, category, place, for those that are used
    category by category.
    """

    lists: pl.DataFrame
    places: pl.DataFrame
    inventory: Devices

    def as_categories(self) -> "Pools":
        """The same for usage whose texts are categories."""
        code = pl.Categorical
        lists = self.lists.with_columns(pl.col("listed", "allowance_id").cast(code))
        return Pools(lists, self.places.with_columns(pl.col("allowance_id", "category").cast(code)), self.inventory)


def pools_of(catalog: Catalog, inventory: Devices) -> Pools:
    """The allowances of all plans."""
    lists: dict[tuple[str, str], tuple[object, ...]] = {}
    places = []
    for name, plan in catalog.plans.items():
        listed = [rule.allowance for rule in plan.usage.values() if rule.allowance]
        turns = ranks(listed)
        for codes in listed:
            ids = NEXT.join(allowance_id(name, code) for code in codes)
            for code in codes:
                allowance = plan.allowances[code]
                id_ = allowance_id(name, code)
                lists[ids, code] = (ids, id_, turns[code], allowance.pool, allowance.devices, allowance.needs_device)
        for code, allowance in plan.allowances.items():
            if isinstance(allowance.order, list):
                places += [
                    (allowance_id(name, code), category, place) for place, category in enumerate(allowance.order)
                ]
    text, flag = pl.String, pl.Boolean
    columns = {"listed": text, "allowance_id": text, "turn": pl.Int64, "shared_by": text, "devices": text}
    return Pools(
        pl.DataFrame(list(lists.values()), schema={**columns, "needs_device": flag}, orient="row"),
        pl.DataFrame(places, schema={"allowance_id": text, "category": text, "place": pl.Int64}, orient="row"),
        inventory,
    )


def single_lists(pools: Pools) -> pl.Series:
    """The lists (`listed`) of one allowance of the whole account that no longer list and no device has a part in."""
    lists = pools.lists.with_columns(is_alone=pl.len().over("listed") == 1)
    by_itself = pl.col("is_alone") & (pl.col("shared_by") == "account") & ~pl.col("needs_device")
    return lists.filter(by_itself.all().over("allowance_id"))["listed"]
