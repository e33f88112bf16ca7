"""What kind of usage a record is: its category, destination and jurisdiction. First the class, then the price.

The destination of a call is read from the numbering plan by longest prefix; nothing here looks at a price.
"""

import polars as pl

from rating.codes import pairs
from rating.ends import near_numbers
from rating.match import Cells, Dialled
from rating.outcomes import settle
from rating.short_numbers import ShortNumbers, is_short, priced_as

NUMBERING_PLAN = "\x1fnumbering plan"
"""Its name among the tables of the cells; no deck can have it."""

_SHORTEST = 7  # digits of the shortest E.164 number with its country code that is more than a short code
_SMS_COUNTRIES = ["US", "CA", "PR"]


def place_numbers(numbers: pl.Series, cells: Cells) -> pl.DataFrame:
    """country, region, number_class (categories) of each number by the numbering plan; nulls where it is not E.164."""
    dialled = Dialled.of(numbers)
    return _place(dialled, cells.located(dialled), cells)


def _place(dialled: Dialled, located: pl.Series, cells: Cells) -> pl.DataFrame:
    is_e164 = dialled.is_international & (dialled.keys["digits"] >= _SHORTEST).fill_null(value=False)
    row = cells.row_of(NUMBERING_PLAN, located, dialled, None)
    if not is_e164.all():
        row = pl.select(pl.when(is_e164).then(row)).to_series()
    plan = cells.tables[NUMBERING_PLAN].coded.select("country", "region", "number_class")
    return plan.select(pl.all().gather(row)).with_columns(is_e164=is_e164)


def classify(
    usage: pl.DataFrame, far: Dialled, located: pl.Series, cells: Cells, domestic: pl.DataFrame, short: ShortNumbers
) -> pl.DataFrame:
    """Adds category, country (of the far end), number_class and jurisdiction, as categories; settles numbers that are
    none.

    far, located: the far number of each record and its cell. usage: near_country and near_region where the near
    number is not strange (is_strange), and is_emergency. domestic: plan, country, is_domestic. short: what plans say
    of short numbers.
    """
    end = _place(far, located, cells)
    usage = _near_ends(usage, cells).with_columns(
        end["country"], end["number_class"], end["is_e164"], _far_region=end["region"]
    )
    at_home = pl.lit(pairs(domestic).of(usage["plan"], usage["country"]))
    inbound, internal = pl.col("direction") == "inbound", pl.col("direction") == "internal"
    sms = pl.col("kind") == "sms"
    category = (
        pl.when(sms)
        .then(_word("sms"))
        .when(internal)
        .then(_word("internal"))
        .when(inbound & (pl.col("number_type") == "toll_free"))
        .then(_word("toll_free"))
        .when(inbound)
        .then(_word("inbound"))
        .when(pl.col("is_emergency"))
        .then(_word("emergency"))
        .when(at_home.fill_null(value=False))
        .then(_word("domestic"))
        .otherwise(_word("international"))
    )
    usage = usage.with_columns(category=category, jurisdiction=_jurisdiction(internal))
    dialled = (pl.col("category") == "domestic") | (pl.col("category") == "international")
    usage = _short_numbers(usage, far.numbers, dialled & ~sms, short)
    usage = settle(usage, "bad_number", (dialled | sms) & ~pl.col("is_e164"))
    usage = settle(usage, "no_rate", dialled & _nowhere(), pl.lit("unknown country code"))
    usage = settle(usage, "sms_not_offered", sms & ~pl.col("country").is_in(_SMS_COUNTRIES))
    return usage.drop("_far_region", "near_region", "near_country", "is_strange", "is_e164", "is_emergency")


def _word(text: str) -> pl.Expr:
    return pl.lit(text, pl.Categorical)


_NOT_LISTED = "a short number that neither the plan nor its domestic deck lists"


def _short_numbers(usage: pl.DataFrame, far: pl.Series, dialled: pl.Expr, short: ShortNumbers) -> pl.DataFrame:
    """Calls to short numbers that the plan or its domestic deck prices, in their category and the caller's country;
    settles the others."""
    odd = usage.select((dialled & ~pl.col("is_e164")).fill_null(False)).to_series()
    at = odd.arg_true() if odd.any() else pl.Series(dtype=pl.UInt32)
    at = at.filter(is_short(far.gather(at)).fill_null(False)) if at.len() else at
    if at.is_empty():
        return usage
    calls = usage[at].select(
        pl.col("plan").cast(pl.String), "local_date", number=far.gather(at),
        country=pl.coalesce("near_country", "account_country").cast(pl.String),
    )  # fmt: skip
    told = priced_as(calls, short)
    priced = told.is_not_null()
    usage = usage.with_columns(
        *(
            usage[name].scatter(at.filter(priced), texts.filter(priced).cast(pl.Categorical))
            for name, texts in (("category", told), ("country", calls["country"]))
        ),
        usage["is_e164"].scatter(at, priced),
    )
    unlisted = pl.repeat(value=False, n=usage.height, dtype=pl.Boolean, eager=True).scatter(at, ~priced)
    return settle(usage, "bad_number", pl.lit(unlisted), pl.lit(_NOT_LISTED))


def _near_ends(usage: pl.DataFrame, cells: Cells) -> pl.DataFrame:
    """near_country and near_region also of the near numbers that nobody owns."""
    strange = usage["is_strange"]
    if not strange.any():
        return usage
    place, at = place_numbers(near_numbers(usage.filter(strange)), cells), strange.arg_true()
    return usage.with_columns(
        usage["near_country"].scatter(at, place["country"]), usage["near_region"].scatter(at, place["region"])
    )


def _nowhere() -> pl.Expr:
    """A number with neither country nor class has nobody's prefix; satellites and +800 lack a country alone."""
    return pl.col("country").is_null() & pl.col("number_class").is_null()


def _jurisdiction(internal: pl.Expr) -> pl.Expr:
    """Interstate needs both ends' states; a record without one is unknown, never guessed."""
    regions = pl.col("_far_region").is_not_null() & pl.col("near_region").is_not_null()
    abroad = pl.col("country") != pl.coalesce("near_country", "account_country")
    return (
        pl.when(internal)
        .then(_word("unknown"))
        .when(abroad.fill_null(pl.col("country").is_null() & ~_nowhere()))
        .then(_word("international"))
        .when(regions & (pl.col("_far_region") == pl.col("near_region")))
        .then(_word("intrastate"))
        .when(regions)
        .then(_word("interstate"))
        .otherwise(_word("unknown"))
    )
