"""Packages that only some engines need."""

from schemas.errors import WrongUsage


def missing(kind: str, error: ImportError) -> WrongUsage:
    """What to do where an engine's packages are not there."""
    return WrongUsage(
        f'[engine] kind = "{kind}": {error}. Install them beside Tollbook: pip install "tollbook[{kind}]"; or set '
        'kind = "processes".'
    )
