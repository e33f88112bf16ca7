"""How a country's telephones dial, to E.164: from the numbering plan data of the phonenumbers library.

Digits can be read in several ways: behind one of the country's international prefixes (some have hundreds, by carrier),
behind its trunk prefix and perhaps a carrier's code, as a national number where its kind is dialled without a trunk
prefix, behind the country's own code. Every way is tried; a number is told only where the best of them agree on one.
Vectorised: patterns over columns, and Python only per country code.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import product

import phonenumbers
import polars as pl
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

E164 = r"^\+[1-9][0-9]{6,14}$"
_LONGEST_PREFIX = 10
"""No country dials more digits before a number."""
_LOCAL_DIGITS = 10
"""No subscriber's number has more digits without its area code."""
_ANY, _POSSIBLE, _VALID = 1, 2, 3
"""How well digits fit: a country code may be there; a national number of that shape; one of an assigned range."""
_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
_CODES = "|".join(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


@dataclass(frozen=True)
class DialPlan:
    """abroad, trunk: patterns of what is dialled first; bare: (leading digits, pattern) of what needs no trunk."""

    code: str
    abroad: str
    takes_00: bool
    """00 may be read although it is none of the country's prefixes, because nothing else there begins so."""
    trunk: str | None
    rewrite: tuple[str, int] | None
    """What a match of `trunk` becomes, and the group that must be part of it."""
    bare: tuple[tuple[str, str], ...] | None
    """None: everything is dialled as it is."""
    lengths: tuple[int, ...]
    """Digits that a national number may have."""
    local_digits: int


@cache
def dial_plan(country: str) -> DialPlan | None:
    """How an ISO 3166 country dials, None where nothing is known of it."""
    own = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if own is None or own.general_desc is None or own.country_code is None:
        return None
    main = phonenumbers.PhoneMetadata.metadata_for_region(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[own.country_code][0])
    abroad = own.international_prefix or "00"
    groups = re.compile(own.national_prefix_for_parsing or "").groups
    rule = own.national_prefix_transform_rule
    return DialPlan(
        str(own.country_code),
        abroad,
        not _begins_00(own, abroad),
        own.national_prefix_for_parsing,
        (re.sub(r"\\(\d)", r"${\1}", rule), groups) if rule and groups else None,
        _bare(main or own) if own.national_prefix else None,
        tuple(own.general_desc.possible_length),
        _local_digits(own),
    )


def _begins_00(plan: PhoneMetadata, abroad: str) -> bool:
    """Whether something that is dialled there begins with 00: its prefixes, or a number."""
    if any(re.match(abroad, "00" + "".join(more)) for more in product("0123456789", repeat=4)):
        return re.fullmatch(abroad, "00") is None
    shapes = (plan.general_desc.national_number_pattern if plan.general_desc else None) or ""
    lengths = plan.general_desc.possible_length if plan.general_desc else ()
    return any(
        re.fullmatch(shapes, f"00{digit}".ljust(length, "1")) for length in lengths if length > 2 for digit in range(10)
    )


def _bare(plan: PhoneMetadata) -> tuple[tuple[str, str], ...]:
    """Formats of national numbers that are written without a trunk prefix, or may be."""
    trunk = plan.national_prefix or ""
    return tuple(
        (f"^(?:{form.leading_digits_pattern[-1] if form.leading_digits_pattern else ''})", f"^(?:{form.pattern})$")
        for form in plan.number_format
        if form.national_prefix_optional_when_formatting
        or trunk not in (form.national_prefix_formatting_rule or "").split("\\1")[0]
    )


def _local_digits(plan: PhoneMetadata) -> int:
    """The most digits that a number without area code may have; 0 where all numbers are dialled in full."""
    if not plan.national_prefix or plan.general_desc is None:
        return 0
    fixed = plan.fixed_line.possible_length if plan.fixed_line else ()
    local = plan.general_desc.possible_length_local_only
    return min(_LOCAL_DIGITS, max(local or [length - 1 for length in fixed or plan.general_desc.possible_length]))


@cache
def _ranges(code: str) -> tuple[str, str]:
    """Patterns of the national numbers of a country code: of possible ones, and of assigned ranges."""
    possible, assigned = [], []
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]:
        plan = (
            phonenumbers.PhoneMetadata.metadata_for_nongeo_region(int(code))
            if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
            else phonenumbers.PhoneMetadata.metadata_for_region(region)
        )
        possible += _patterns(plan.general_desc if plan else None)
        assigned += [pattern for kind in _KINDS for pattern in _patterns(getattr(plan, kind, None))]
    return f"^(?:{'|'.join(possible)})$", f"^(?:{'|'.join(dict.fromkeys(assigned)) or '[^0-9]'})$"


def _patterns(desc: PhoneNumberDesc | None) -> list[str]:
    return [desc.national_number_pattern] if desc and desc.national_number_pattern else []


def from_dialled(digits: pl.Series, country: str) -> pl.Series:
    """E.164 of digits dialled in `country`; null where they can be read in two ways or in none."""
    plan = dial_plan(country)
    asked = digits.alias("digits").to_frame().with_row_index("at")
    if plan is None:
        return pl.Series([None] * digits.len(), dtype=pl.String)
    readings = pl.concat([_international(asked, plan), *_national(asked, plan)])
    told = _agreed(readings, plan.code).filter(pl.col("number").str.contains(E164))
    return asked.join(told, on="at", how="left", maintain_order="left")["number"]


def _international(asked: pl.DataFrame, plan: DialPlan) -> pl.DataFrame:
    """Behind each international prefix that the digits may begin with; behind 00 where that can be nothing else."""
    # Behind one of several prefixes only what is possible: the digits may have been cut at the wrong place.
    least = _ANY if plan.abroad.isdigit() else _POSSIBLE
    parts = [_reading(rest, "", least) for rest in _behind(asked, plan.abroad)]
    if plan.takes_00 and plan.abroad != "00":
        parts += [_reading(rest, "", _POSSIBLE) for rest in _behind(asked, "00")]
    return pl.concat([_reading(asked.clear(), "", least), *parts]).filter(
        pl.col("number").str.contains("^[1-9][0-9]{3,14}$")
    )


def _national(asked: pl.DataFrame, plan: DialPlan) -> list[pl.DataFrame]:
    """Behind the trunk prefix and a carrier's code, rewritten by the country's rule, as it is, behind its own code."""
    digits, parts = pl.col("digits"), []
    if plan.trunk:
        parts += [_reading(rest, plan.code, _POSSIBLE) for rest in _behind(asked, plan.trunk)]
    if plan.trunk and plan.rewrite:
        rule, group = plan.rewrite
        fits = asked.filter(digits.str.extract(f"^(?:{plan.trunk})", group).is_not_null())
        parts.append(_reading(fits.with_columns(digits.str.replace(f"^(?:{plan.trunk})", rule)), plan.code, _POSSIBLE))
    if plan.bare is None:
        parts.append(_reading(asked, plan.code, _POSSIBLE))
    elif plan.bare:
        may = pl.any_horizontal(digits.str.contains(lead) & digits.str.contains(form) for lead, form in plan.bare)
        parts.append(_reading(asked.filter(may), plan.code, _VALID))
    own = asked.filter(digits.str.starts_with(plan.code) & (digits.str.len_bytes() > plan.local_digits))
    parts.append(_reading(own, "", _POSSIBLE if plan.bare is None else _VALID))
    length = pl.col("number").str.len_bytes() - len(plan.code)
    return [part.filter(length.is_in(list(plan.lengths))) for part in parts]


def _behind(asked: pl.DataFrame, prefix: str) -> list[pl.DataFrame]:
    """What is left behind every prefix of the pattern that the digits begin with."""
    digits = pl.col("digits")
    if prefix.isdigit():
        return [asked.filter(digits.str.starts_with(prefix)).with_columns(digits.str.slice(len(prefix)))]
    begins = asked.filter(digits.str.contains(f"^(?:{prefix})"))
    return [
        begins.filter(digits.str.head(length).str.contains(f"^(?:{prefix})$")).with_columns(digits.str.slice(length))
        for length in range(1, _LONGEST_PREFIX + 1)
    ]


def _reading(rows: pl.DataFrame, code: str, least: int) -> pl.DataFrame:
    return rows.select("at", number=pl.lit(code) + pl.col("digits"), least=pl.lit(least, pl.Int8))


def _agreed(readings: pl.DataFrame, home: str) -> pl.DataFrame:
    """at, number (with +) of what can be read in one way alone, or in one way better than in the others.

    Where one reading is left, its ranges are not asked for: those of many countries cost more than all else.
    """
    readings = readings.with_columns(code=pl.col("number").str.extract(f"^({_CODES})"), grade=pl.lit(_ANY, pl.Int8))
    own = (pl.col("code") == home).fill_null(False)
    readings = pl.concat([readings.filter(~own), _fitting(readings.filter(own), _POSSIBLE)])
    for grade in (_POSSIBLE, _VALID):
        open_ = (pl.col("number").n_unique().over("at") > 1) | (pl.col("least") >= grade)
        readings = pl.concat([readings.filter(~open_), _fitting(readings.filter(open_), grade)])
        readings = readings.filter(pl.col("grade") == pl.col("grade").max().over("at"))
    one_way = readings.filter(pl.col("number").n_unique().over("at") == 1)
    return one_way.unique("at").select("at", number=pl.lit("+") + pl.col("number"))


def _fitting(readings: pl.DataFrame, grade: int) -> pl.DataFrame:
    """Readings with their grade raised where their country's numbers fit; without those that need it and do not."""
    parts = [readings.clear()]
    for (code,), rows in readings.group_by("code"):
        fits: pl.Expr = pl.lit(False)
        if code is not None:
            fits = pl.col("number").str.slice(len(str(code))).str.contains(_ranges(str(code))[grade - _POSSIBLE])
        raised = pl.when(fits).then(pl.lit(grade, pl.Int8)).otherwise("grade")
        parts.append(rows.with_columns(grade=raised).filter((pl.col("grade") >= grade) | (pl.col("least") < grade)))
    return pl.concat(parts)
