"""Which leg of a call bills, of the sources whose records say which leg they are."""

from collections.abc import Mapping

from flows.home.file_settings import SourceSettings
from flows.presets.known import PRESETS


def billed_legs(sources: Mapping[str, SourceSettings]) -> dict[str, str]:
    """Source -> the leg that bills, as it declares or, where it is silent, as its layout says."""
    legs = {}
    for name, source in sources.items():
        preset = PRESETS.get(source.format)
        leg = source.leg or (preset.defaults.get("leg") if preset else None)
        if leg:
            legs[name] = str(leg)
    return legs
