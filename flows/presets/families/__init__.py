"""A file per family of systems; its PRESETS are what `format` in tollbook.toml may name (flows/presets/known.py)."""
