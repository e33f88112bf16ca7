"""Which leg of a call bills, of the sources whose records say which leg they are."""

from flows.home.settings import Settings
from flows.presets.known import PRESETS


def billed_legs(settings: Settings) -> dict[str, str]:
    """Source -> the leg that bills, as it declares or, where it is silent, as its layout says."""
    legs = {}
    for name, source in settings.sources.items():
        preset = PRESETS.get(source.format)
        leg = source.leg or (preset.defaults.get("leg") if preset else None)
        if leg:
            legs[name] = str(leg)
    return legs
