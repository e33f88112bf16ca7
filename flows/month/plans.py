"""What a run notices of plans and does not bill: trials that have become free plans, services nobody has confirmed."""

from datetime import date

import polars as pl

from flows.catalog.load import Tables
from flows.month.inputs import MasterData
from rating.prices import is_trial
from rating.service_days import with_service_start
from schemas.frames import FINDINGS, noticed_as
from schemas.periods import add_months


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
