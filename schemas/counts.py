"""Counts as people read them: 1 row, 2 rows."""


def count_of(number: int, thing: str, things: str = "") -> str:
    """`1 row` or `2 rows`. `things`: where more of them are not called so with an s, such as `prefixes`."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
