"""Every layout that `format` may name: all PRESETS of the files in `families/`, found by looking there."""

from importlib import import_module
from pkgutil import iter_modules

from flows.presets import families
from flows.presets.preset import Preset


def all_presets() -> dict[str, Preset]:
    """Name -> layout, in the order of the files' names."""
    found: dict[str, Preset] = {}
    for module in sorted(iter_modules(families.__path__), key=lambda module: module.name):
        for name, preset in import_module(f"{families.__name__}.{module.name}").PRESETS.items():
            assert name not in found, f"two layouts are called {name}"
            found[name] = preset
    return found


PRESETS = all_presets()
