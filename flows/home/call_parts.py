"""Sources whose records are parts of calls: as declared, else as the layout of their system has it (RULES 15)."""

from flows.home.settings import Settings
from flows.presets.known import PRESETS


def sources_in_parts(settings: Settings) -> list[str]:
    """Names of the sources that write one call in several records."""
    usual = {name for name, preset in PRESETS.items() if preset.defaults.get("parts")}
    declared = settings.sources.items()
    return [
        name
        for name, source in declared
        if source.parts or (source.format in usual and "parts" not in source.model_fields_set and not source.leg)
    ]
