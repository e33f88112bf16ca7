"""Categories by the class of the number called, for plans that price them apart."""

import polars as pl

from rating.codes import coded
from schemas.plan import CLASS_CATEGORIES

_KEYS = ["plan", "category", "number_class"]


def by_class(usage: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """The category of its number's class for every domestic or international call whose plan has a rule for that.

    usage: _KEYS, as categories. rules: plan, category, as rating.decks.rules gives them. A call keeps its category
    where the plan has no such rule or the number no class.
    """
    classes = pl.DataFrame(
        [
            (at, name, special)
            for name, specials in CLASS_CATEGORIES.items()
            for at, special in zip(("domestic", "international"), specials, strict=True)
        ],
        schema={"category": pl.String, "number_class": pl.String, "special": pl.String},
        orient="row",
    )
    wanted = coded(classes.join(rules.select("plan", special="category"), on="special").select(*_KEYS, "special"))
    if wanted.is_empty():
        return usage
    special = usage.select(_KEYS).join(wanted, on=_KEYS, how="left", validate="m:1", maintain_order="left")["special"]
    return usage.with_columns(category=pl.coalesce(special, "category"))
