"""What `format` may name besides the plain kinds, without importing any layout.

Every command reads the settings, and the settings check `format`; a layout brings Polars with it, which most commands
have no use for. So the names are read off the files: the keys of each file's PRESETS, which are written out there.
"""

import ast
from pathlib import Path

from flows.presets import families


def preset_names() -> list[str]:
    """The names of all layouts, in the order of `known.PRESETS`."""
    files = [path for folder in families.__path__ for path in Path(folder).glob("*.py") if path.stem != "__init__"]
    return [name for path in sorted(files, key=lambda path: path.stem) for name in _names_in(path)]


def _names_in(path: Path) -> list[str]:
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="PRESETS")], value=ast.Dict(keys=keys)):
                return [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
    raise AssertionError(f"{path.name} has no PRESETS with its names written out")
