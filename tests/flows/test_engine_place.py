"""Where files between workers lie, and what the engine's settings may say."""

import pickle
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from flows.engine import batches, engine, frames
from flows.engine.place import Place, place_of
from flows.home.engine_settings import EngineSettings
from flows.home.settings import Home, Settings, load_settings
from schemas.errors import Refused, WrongUsage
from tests.flows.sample import sample_home

FRAME = pl.DataFrame({"account_id": ["A", "B", "A"], "seconds": [60, None, 61]}).with_columns(
    plan=pl.Series(["x", "x", "y"], dtype=pl.Categorical)
)


@pytest.fixture(params=["a folder", "an object store's address"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    path = str(tmp_path / "shared")
    made = Place(path if request.param == "a folder" else f"file://{path}")
    made.make()
    return made


def test_what_is_kept_is_read_again_and_taken_away(place: Place, tmp_path: Path) -> None:
    place.write("unit", b"first")
    place.write("unit", b"once more")
    assert place.read("unit") == b"once more"
    place.write_frame("frame", FRAME)
    assert_frame_equal(place.frame("frame"), FRAME)
    assert sorted(path.name for path in (tmp_path / "shared").iterdir()) == ["frame", "unit"]
    place.forget("unit")
    place.forget("unit")
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["frame"]
    place.remove()
    assert not (tmp_path / "shared").exists()
    place.remove()


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(str(tmp_path))
    place.write("unit", b"whole")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        place.write("unit", b"half")
    assert place.read("unit") == b"whole"


def half(item: int) -> float:
    return 1 / item


def counted(frame: pl.DataFrame, tables: dict[str, int]) -> tuple[pl.DataFrame, ...]:
    return frame.head(tables["first"]), frame.select(pl.len())


def test_a_unit_that_is_done_twice_leaves_what_it_left_once(place: Place) -> None:
    place.write("000.asked", pickle.dumps([1, 0, 4]))
    batch = batches.Batch(place, "000", half)
    left = [place.read(batches.answer(batch)) for _ in range(2)]
    assert left[0] == left[1]
    whole, failed, quarter = pickle.loads(left[0])  # noqa: S301 our own
    assert (whole, quarter) == (1, 0.25)
    assert isinstance(failed, ZeroDivisionError)
    place.write("tables", pickle.dumps({"first": 2}))
    place.write_frame("class-0", FRAME)
    unit = frames.FrameUnit(place, "class-0", counted)
    assert frames.done(unit) == frames.done(unit) == ("class-0", 2)
    assert_frame_equal(place.frame("class-0.0"), FRAME.head(2))
    assert place.frame("class-0.1").item() == 3


def test_what_a_killed_command_left_is_taken_away_by_the_next(tmp_path: Path) -> None:
    home, settings = Home(tmp_path / "home"), EngineSettings(path=str(tmp_path / "shared"))
    others = tmp_path / "shared" / "of another home"
    others.mkdir(parents=True)
    with place_of(home, settings, "print") as killed:
        killed.write("000.asked", b"a document")
        with place_of(home, settings, "draft") as place:
            assert not Path(killed.address).exists()
            place.write("000.asked", b"another")
    assert [path.name for path in (tmp_path / "shared").glob("*/*")] == []
    assert others.exists()
    with place_of(home, EngineSettings(), "print") as place:
        assert Path(place.address).is_relative_to(home.store / "work")
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(Refused, match=r"\[engine\] path: .*file.* cannot be written"),
        place_of(home, EngineSettings(path=str(tmp_path / "file")), "print"),
    ):
        pass


def test_a_cluster_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("dask", "ray"):
        monkeypatch.setitem(sys.modules, f"prefect_{kind}", None)
        with pytest.raises(WrongUsage, match=rf'kind = "{kind}".*pip install "tollbook\[{kind}\]"'):
            engine.engine_of(EngineSettings(kind=kind))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"kind": "threads"}, "kind"),
        ({"kind": "dask", "workers": 0}, "workers"),
        ({"kind": "processes", "address": "tcp://10.0.0.1:8786"}, r'engine.address: found kind = "processes"'),
        ({"kind": "ray", "address": "ray://10.0.0.1:10001"}, r"engine.path: expected a folder"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, table: dict[str, Any], told: str) -> None:
    data = load_settings(sample_home(tmp_path / "home")).model_dump(exclude_unset=True)
    with pytest.raises(ValidationError, match=told):
        Settings(**data, engine=table)
