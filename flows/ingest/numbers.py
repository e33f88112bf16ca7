"""Telephone numbers as text to E.164, vectorised: no Python per call.

What is not clearly a number stays as it is (anonymous, star codes, "&"): it ends in an outcome of its own. Numbers
without + are only completed where the source declares its country; nothing is guessed from their length alone.
"""

from dataclasses import dataclass

import phonenumbers
import polars as pl

from rating.ends import EXTENSION

E164 = r"^\+[1-9][0-9]{6,14}$"


@dataclass(frozen=True)
class Habits:
    """How a country dials: from the numbering plan data of the phonenumbers library."""

    code: int
    international_prefix: str
    national_prefix: str | None
    lengths: tuple[int, ...]


def habits_of(country: str) -> Habits | None:
    """Dialling habits of an ISO 3166 country, None where none are known."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if plan is None or plan.general_desc is None or plan.country_code is None:
        return None
    lengths = tuple(length for length in plan.general_desc.possible_length if length > 0)
    return Habits(plan.country_code, plan.international_prefix or "00", plan.national_prefix, lengths)


def e164_column(cells: pl.Series, country: str | None = None) -> pl.Series:
    """`e164` of a column of text; what is E.164 already, usually nearly all, is not worked on."""
    others = cells.filter(~cells.str.contains(E164)).unique()
    if others.is_empty():
        return cells
    told = others.to_frame("cell").select(e164(pl.col("cell"), country)).to_series()
    return cells.replace(others, told)


def e164(cell: pl.Expr, country: str | None = None) -> pl.Expr:
    """Numbers in E.164 where they can be told, other text unchanged, null stays null.

    Without `country`: separators, tel: and sip: go, 00 becomes +. With it also that country's own prefixes.
    """
    user = (
        pl.when(cell.str.contains(r"(?i)^(tel|sips?):|@"))
        .then(cell.str.replace(r"(?i)^(tel|sips?):", "").str.replace(r"[@;].*$", ""))
        .otherwise(cell)
    )
    # "+44 (0)20 ..." prints a trunk zero that is not dialled from abroad.
    international = user.str.contains(r"^(\+|00)")
    user = pl.when(international).then(user.str.replace(r"\(0\)", "")).otherwise(user)
    plain = user.str.replace_all(r"[()\-. /]", "")
    is_number = plain.str.contains(r"^\+?[0-9]+$")
    kept = is_number & plain.str.contains(EXTENSION)
    chain = pl.when(~is_number).then(cell).when(kept).then(plain).when(plain.str.starts_with("+")).then(plain)
    chain = chain.when(plain.str.contains(r"^00[1-9][0-9]{6,14}$")).then(pl.lit("+") + plain.str.slice(2))
    for pattern, lead, strip in _rules(habits_of(country) if country else None):
        chain = chain.when(plain.str.contains(pattern)).then(pl.lit(lead) + plain.str.replace(strip, ""))
    return chain.otherwise(plain)


def _rules(habits: Habits | None) -> list[tuple[str, str, str]]:
    """(pattern of the plain digits, what to put in front, what to take off) in the order they are tried."""
    if habits is None:
        return []
    abroad = rf"^(?:{habits.international_prefix})"
    rules = [(rf"{abroad}[1-9][0-9]{{6,14}}$", "+", abroad)]
    lengths = "|".join(f"[0-9]{{{length}}}" for length in habits.lengths)
    code = f"+{habits.code}"
    if habits.code == 1:
        return [*rules, (r"^1[2-9][0-9]{9}$", "+", "^$"), (r"^[2-9][0-9]{9}$", code, "^$")]
    if habits.national_prefix:
        trunk = f"^{habits.national_prefix}"
        return [*rules, (rf"{trunk}(?:{lengths})$", code, trunk)]
    return [*rules, (rf"^(?:{lengths})$", code, "^$")]
