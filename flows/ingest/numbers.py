"""Telephone numbers as text to E.164, vectorised: no Python per call.

What is not clearly a number stays as it is (anonymous, star codes, "&"): it ends in an outcome of its own. Numbers
without + are only completed where the source declares its country (dialling) or that its digits are E.164; nothing is
guessed from their length alone.
"""

import polars as pl

from flows.ingest.dialling import E164, dial_plan, from_dialled
from rating.ends import EXTENSION

__all__ = ["E164", "SPREADSHEET_FLOAT", "e164_column"]

SPREADSHEET_FLOAT = r"^[1-9][0-9]{6,14}[.,]0+$"
"""A number that went through a floating-point column, as 442079460012.0."""

_UNSEEN = r"[\x{ad}\x{61c}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}]"
_BLANKS = r"[\t\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"
_HYPHENS = r"[\x{2010}-\x{2015}\x{2212}\x{fe58}\x{fe63}\x{ff0d}]"
_PLUSES = r"[\x{fe62}\x{ff0b}]"
_SCHEME = r"(?i)^(?:tel|sips?|callto):(?://)?"
_THOUSANDS = r"^\+?[1-9][0-9]{0,2}(?:(?:[,'][0-9]{3}){3,4}(?:\.0+)?|(?:\.[0-9]{3}){3,4},0+)$"
_SPACED = r"^\+?[1-9][0-9]*(?: [0-9]+)+[.,]0$"
"""A float that somebody has parted for reading: 44 2079 460012.0."""
_FRACTION = r"^\+?[0-9]{7,}[.,](?:0+|[0-9]{1,2})$|^\+?[0-9]+(?: [0-9]+)+[.,]0+$"
_MASK = r"(?:[xX]+|[*\x{2022}]{2,})$"
"""Last digits that the sender hides; a single * is a key of the telephone."""
_SEEN_DIGITS = 7
_KEYS_AFTER = r"^(\+?[0-9(][0-9() .\-/]{6,}?)(?:#|[ ,;]+(?i:ext|extn|extension|x)[.:]? ?[0-9]{1,6})$"
"""A number and what was pressed after it: the # that ends dialling, an extension in somebody else's house."""
_BARE = r"^\+?[0-9]+$"
"""Digits and nothing else: most of what is not E.164 already."""


def e164_column(cells: pl.Series, country: str | None = None, *, digits_are_e164: bool = False) -> pl.Series:
    """Numbers in E.164 where they can be told, other text unchanged, null stays null; a masked number ends in X for
    each hidden digit.

    Without `country`: separators, marks, addresses around a number go, 00 becomes +. With it also as that country
    dials. `digits_are_e164`: the source leaves out the +; extensions stay. What is E.164 already, usually nearly all,
    is not worked on; where all of it is, these very cells come back.
    """
    if cells.null_count() == cells.len():
        return cells
    others = cells.filter(~cells.str.contains(E164)).unique()
    if others.is_empty():
        return cells
    is_bare = others.str.contains(_BARE)
    bare, dressed = others.filter(is_bare), others.filter(~is_bare)
    told = [_told(bare, country, digits_are_e164), _read(dressed, country, digits_are_e164)]
    return cells.replace(pl.concat([bare, dressed]), pl.concat(told))


def _read(cells: pl.Series, country: str | None, digits_are_e164: bool) -> pl.Series:
    """E.164 of each cell that can be told; of other numbers the digits; else the cell."""
    rows = cells.alias("cell").to_frame().with_columns(text=_exact(_undressed(pl.col("cell"))))
    plain = pl.col("text").str.replace_all(r"[()\-. /~]", "")
    rows = rows.with_columns(text=_without_trunk_zero(pl.col("text"), country))
    rows = rows.with_columns(
        plain=plain.str.replace(_MASK, ""),
        hidden=plain.str.extract(f"({_MASK})", 1).str.len_chars().fill_null(0),
        broken=pl.col("text").str.contains(_FRACTION),
    )
    body = pl.col("plain")
    enough = (pl.col("hidden") == 0) | (pl.col("hidden") <= 15) & (body.str.count_matches("[0-9]") >= _SEEN_DIGITS)
    is_number = body.str.contains(r"^\+?[0-9]+$") & ~pl.col("broken") & enough
    # Hidden digits count as digits while the front is read.
    whole = body + pl.lit("0" * 15).str.head(pl.col("hidden"))
    rows = rows.with_columns(whole=pl.when(is_number).then(whole))
    told = _told(rows["whole"], country, digits_are_e164)
    shown = told.to_frame("told").with_columns(rows["cell"], rows["hidden"])
    hidden, number = pl.col("hidden"), pl.col("told")
    seen = number.str.head(number.str.len_chars().cast(pl.Int64) - hidden)
    masked = seen + pl.lit("X" * 15).str.head(pl.col("hidden"))
    return shown.select(
        pl.when(number.is_null())
        .then("cell")
        .when(hidden == 0)
        .then(number)
        .when(number.str.contains(E164))
        .then(masked)
        .otherwise("cell")
    ).to_series()


def _told(whole: pl.Series, country: str | None, digits_are_e164: bool) -> pl.Series:
    """E.164 of digits with or without +, of what cannot be told the digits; null stays null."""
    digits = pl.col("digits")
    kept = digits.str.starts_with("+") | digits.str.contains(EXTENSION)
    abroad = digits.str.contains(r"^00[1-9][0-9]{6,14}$") if country is None or dial_plan(country) is None else False
    chain = pl.when(kept).then(digits).when(abroad).then(pl.lit("+") + digits.str.slice(2))
    if digits_are_e164:
        chain = chain.when(digits.str.contains(r"^[1-9][0-9]{6,14}$")).then(pl.lit("+") + digits)
    rows = whole.alias("digits").to_frame().with_columns(told=chain)
    if country is None:
        return rows.select(pl.coalesce("told", "digits")).to_series()
    open_ = rows["told"].is_null() & rows["digits"].is_not_null()
    as_dialled = from_dialled(rows["digits"].filter(open_), country)
    told = rows["told"].scatter(open_.arg_true(), as_dialled)
    return rows.select(pl.coalesce(told, "digits")).to_series()


def _undressed(cell: pl.Expr) -> pl.Expr:
    """Without unseen marks, a spreadsheet's protection, a name and brackets, the scheme and host of an address."""
    ascii_ = cell.str.replace_all(_UNSEEN, "").str.replace_all(_BLANKS, " ").str.replace_all(_HYPHENS, "-")
    ascii_ = ascii_.str.replace_all(_PLUSES, "+").str.strip_chars(" ")
    bracketed = ascii_.str.extract(r"^[^<]*<([^<>]+)>[^<>]*$", 1)
    bare = bracketed.fill_null(ascii_.str.replace(r"^=?[\"'`\x{b4}\x{2018}\x{2019}]+", "").str.replace(r"[\"']+$", ""))
    user = bare.str.strip_chars(" ").str.replace(_SCHEME, "").str.replace(r"(?i)^%2b", "+")
    return user.str.replace(r"[@?].*$|;[A-Za-z].*$", "").str.strip_chars(" ").str.replace(_KEYS_AFTER, "${1}")


def _exact(text: pl.Expr) -> pl.Expr:
    """Whole numbers as a spreadsheet writes them, 442079460012.0 or 4.42079460012E+11, where no digit is lost."""
    grouped = pl.when(text.str.contains(_THOUSANDS)).then(text.str.replace(r"[.,]0+$", "").str.replace_all("[.,']", ""))
    floats = pl.when(text.str.contains(rf"^[1-9][0-9]{{0,14}}[.,]0+$|{_SPACED}")).then(text.str.replace(r"[.,]0+$", ""))
    power = r"^([1-9])[.,]([0-9]{1,18})[eE]\+?([0-9]{1,2})$"
    decimals, exponent = text.str.extract(power, 2), text.str.extract(power, 3).cast(pl.Int64)
    lost = (decimals.str.len_bytes() < exponent) | (exponent > 14)
    rest = decimals.str.slice(exponent).str.contains("[1-9]")
    written = pl.when(~lost & ~rest).then(text.str.extract(power, 1) + decimals.str.head(exponent))
    return pl.coalesce(grouped, floats, written, text)


def _without_trunk_zero(text: pl.Expr, country: str | None) -> pl.Expr:
    """ "+44 (0)20 ..." prints a trunk zero that is not dialled from abroad; in Italy it is part of the number."""
    plan = dial_plan(country) if country else None
    abroad = rf"^(?:\+|00|{plan.abroad})" if plan else r"^(?:\+|00)"
    spaced = text.str.replace_all(r"[\-. /~]", "")
    italian = spaced.str.contains(rf"{abroad}39\(0\)")
    outside = pl.when(italian).then(text.str.replace(r"\(0\)", "0")).otherwise(text.str.replace(r"\(0\)", ""))
    return pl.when(spaced.str.contains(abroad)).then(outside).otherwise(text)
