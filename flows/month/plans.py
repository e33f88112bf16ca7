"""What plans mean for a document beside its amounts: where internal calls count, and what a run notices and does not
bill: trials that have become free plans, services nobody has confirmed."""

from datetime import date

import polars as pl

from flows.catalog.load import Tables
from flows.month.inputs import MasterData
from rating.prices import is_trial
from rating.service_days import with_service_start
from schemas.catalog import Catalog
from schemas.frames import FINDINGS, noticed_as
from schemas.periods import add_months
from schemas.product import Section


def plan_findings(master: MasterData, tables: Tables, month_first: date) -> pl.DataFrame:
    """FINDINGS: trials that ended in the month before or end in this one, and subscriptions that wait on its 1st."""
    products = tables.catalog.products
    keys = ["account_id", "product_code", "currency"]
    followed = pl.col("valid_from").shift(-1).over(keys).is_not_null()
    ended = (
        master.prices.filter(pl.col("product_code").is_not_null())
        .sort(*keys, "valid_from")
        .filter(is_trial(products) & ~followed)
        .filter(pl.col("valid_to").is_between(add_months(month_first, -1), add_months(month_first, 1), closed="left"))
    )
    free = "product {} cost nothing until {}; it is free from then on, until feed prices or subscriptions says a price"
    over = ended.select("account_id", **noticed_as("trial_over", pl.format(free, "product_code", "valid_to")))
    waits = "subscription {} of {} waits for its confirmation; it is billed from confirmed_on in feed subscriptions"
    waiting = (
        with_service_start(master.subscriptions, products)
        .filter(pl.col("serves_from").is_null(), pl.col("start_date") <= month_first, pl.col("end_date").is_null())
        .unique("subscription_id", keep="last", maintain_order=True)
        .select("account_id", **noticed_as("not_confirmed", pl.format(waits, "subscription_id", "product_code")))
    )
    return pl.concat([over, waiting]).cast(FINDINGS)


def internal_sections(master: MasterData, catalog: Catalog, month_first: date) -> dict[str, list[Section]]:
    """account -> sections in which calls between its extensions count (RULES 11), by every plan that it had in the
    month before `month_first`. Whose plans do not agree, or have no such rule, is in none."""
    had = master.versions.filter(
        pl.col("version_from") < month_first, pl.col("version_to") > add_months(month_first, -1)
    ).select("account_id", "plan")
    of_plan = {name: _internal(catalog, name) for name in catalog.plans}
    counted: dict[str, set[Section]] = {}
    for account, plan in had.iter_rows():
        mine = of_plan.get(plan, set())
        counted[account] = counted.get(account, mine) & mine
    return {account: sorted(sections) for account, sections in counted.items() if sections}


def _internal(catalog: Catalog, plan: str) -> set[Section]:
    rule = catalog.plans[plan].usage.get("internal")
    if rule is None:
        return set()
    prints = (rule.included, None if rule.free else rule.charged)
    return {catalog.products[product].section for product in prints if product is not None}
