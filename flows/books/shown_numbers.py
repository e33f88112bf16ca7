"""Telephone numbers as they are shown to people, whole or without their last digits (`[review] mask_numbers`)."""

from flows.home.settings import Home, load_settings


def hides_numbers(home: Home) -> bool:
    """Whether the home's settings hide the last four digits of numbers."""
    return home.settings_file.exists() and load_settings(home).review.mask_numbers


def shown_number(column: str, *, hides: bool) -> str:
    """SQL for a number of `column` as it is shown. Extensions stay: they are nobody's outside the house. Odd texts may
    hold a number anywhere, so all their digits go."""
    if not hides:
        return column
    return rf"""
        case when not regexp_matches({column}, '^\+?[0-9X]+$') then regexp_replace({column}, '[0-9]', 'X', 'g')
            when length({column}) < 7 then {column} else left({column}, length({column}) - 4) || 'XXXX' end"""
