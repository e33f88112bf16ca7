"""A rival that cannot run on this machine is left out of the benchmark, and the results say so and why."""

import sys
from pathlib import Path

from tests.bench.run import Figures, left_out, rival


def _figures(script: str, needs: dict[str, str] | None = None) -> Figures:
    figures = Figures(1000)
    rival(figures, "PostgreSQL", [sys.executable, "-c", script], needs or {})
    return figures


def test_one_that_runs_is_measured():
    figures = _figures("print('copy                             1.25 s')")
    assert figures.seconds == {"copy": 1.25}
    assert left_out([figures]) == []


def test_one_whose_extension_is_missing_is_left_out_with_what_it_said():
    said = 'ERROR:  extension "prefix" is not available'
    figures = _figures(f"import sys; print('copy    1.25 s'); sys.exit({said!r})")
    assert figures.seconds == {}
    assert left_out([figures]) == [f"Left out, for it cannot run here: PostgreSQL, 1,000 calls: {said}", ""]


def test_one_that_fails_without_a_word_is_left_out_too():
    assert _figures("import sys; sys.exit(1)").left_out["PostgreSQL"].endswith("returned non-zero exit status 1.")


def test_what_is_not_installed_is_named_and_nothing_is_started(tmp_path: Path):
    begun = tmp_path / "begun"
    needs = {str(tmp_path / "prefix.control"): "postgresql-15-prefix", str(tmp_path): "postgresql-15"}
    figures = _figures(f"open({str(begun)!r}, 'w')", needs)
    assert figures.left_out == {"PostgreSQL": "it needs postgresql-15-prefix"}
    assert not begun.exists()
