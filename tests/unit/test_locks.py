"""What is locked for the engines is what is locked for all: one environment, resolved once."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    return dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", text, flags=re.MULTILINE))


def test_the_engines_lock_changes_nothing_of_the_other() -> None:
    ours, engines = _locked("requirements.lock"), _locked("requirements-engines.lock")
    assert {"dask", "distributed", "prefect-dask", "prefect-ray", "ray"} <= set(engines) - set(ours)
    both = set(ours) & set(engines)
    assert "sqlalchemy" in both
    assert {name: engines[name] for name in both} == {name: ours[name] for name in both}


def test_no_lock_names_an_index() -> None:
    for name in ("requirements.lock", "requirements-engines.lock"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        assert re.search(r"://|--index-url|--find-links|file:", text) is None
