"""Parquet beside the snapshot: the same rows, swapped in as one, written again only where they changed, never stale."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flows.books.parquet import WHOLE
from flows.books.publish import publish, read
from flows.home.settings import Home
from flows.home.store import Store
from tests.faults.killing import killed_at
from tests.flows import booked
from tests.forked import tollbook


def _publish(home: Home, **how: bool) -> Path:
    with Store(home) as store:
        publish(store, **how)
    return home.published.with_name("parquet")


def _files(folder: Path) -> dict[str, int]:
    """File of the set -> the inode it is."""
    found = {path.relative_to(folder).as_posix(): path.stat().st_ino for path in sorted(folder.rglob("*.parquet"))}
    assert found
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    with Store(home) as store:
        booked.book(store)
        store.con.execute("update rated_for set usage_month = '2026-05'")
    return home


def test_without_a_word_nothing_is_written_beside(home: Home) -> None:
    assert not _publish(home).exists()
    assert [path.name for path in home.published.parent.iterdir()] == ["tollbook.duckdb"]


def test_the_rows_are_the_snapshots_and_amounts_stay_exact(home: Home, sample: Callable[[str], Home]) -> None:
    billed = Home(Path(shutil.copytree(sample("june").root, home.root / "billed")))
    folder = _publish(billed, parquet=True)
    with read(billed.published) as con:
        for view in WHOLE:
            assert pl.read_parquet(folder / f"{view}.parquet").rows() == con.sql(f"from {view}").pl().rows(), view
        usage = pl.read_parquet(folder / "rated_usage" / "*.parquet")
        key = ["usage_id", "run_id"]
        assert usage.sort(key).rows() == con.sql("from rated_usage").pl().sort(key).rows()
    assert [path.name for path in sorted((folder / "rated_usage").iterdir())] == ["2026-04.parquet", "2026-05.parquet"]
    assert usage.schema["amount"] == pl.Decimal(38, 12)
    assert usage["started_at_local"].dt.date().to_list() == usage["local_date"].to_list()


def test_only_what_changed_is_written_again_and_only_the_last_set_stays(home: Home) -> None:
    before = _files(_publish(home, parquet=True))
    with Store(home) as store:
        store.con.execute("update feed_accounts set name = 'Another name' where account_id = 'A-1'")
    after = _files(_publish(home))
    assert {name for name in before if before[name] != after[name]} == {"accounts.parquet", "latest_accounts.parquet"}
    with Store(home) as store:
        store.con.execute("update rated_by set destination = 'Elsewhere'")
    # No act of ours changes a rated record but an erasure, which makes all anew.
    last = _files(_publish(home, whole=True))
    assert {name for name in last if last[name] != after[name]} == {"rated_usage/2026-05.parquet"}
    folders = sorted(path.name for path in home.published.parent.glob("parquet*"))
    assert folders == ["parquet", home.published.with_name("parquet").resolve().name]


def test_a_set_that_was_cut_off_gives_way_and_the_former_one_stands_till_then(home: Home) -> None:
    folder = _publish(home, parquet=True)
    begun = folder.resolve().with_name("parquet-2")
    (begun / "rated_usage").mkdir(parents=True)
    (begun / "invoices.parquet").write_bytes(b"half")
    folder.with_name(".partial-parquet").symlink_to("nowhere")
    before = _files(folder)
    assert _files(_publish(home)) == before
    assert not begun.exists()


def test_a_month_that_is_gone_is_gone_here(home: Home) -> None:
    folder = _publish(home, parquet=True)
    assert (folder / "rated_usage").exists()
    with Store(home) as store:
        store.con.execute("delete from rated; delete from feed_calls; delete from line_usage")
        store.con.execute("update source_files set state = 'rolled_back' where feed = 'calls'")
    assert not list(_publish(home).glob("rated_usage/*"))


@pytest.mark.parametrize("how", ["option", "setting"])
def test_the_command_and_the_setting_ask_for_it(how: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert tollbook("init", str(home)).returncode == 0
    words = ["publish"]
    if how == "setting":
        with (home / "tollbook.toml").open("a", encoding="utf-8") as file:
            file.write("\n[publish]\nparquet = true\n")
    else:
        words.append("--parquet")
    assert tollbook("--home", str(home), "--by", "ann", *words).returncode == 0
    assert (home / "published" / "parquet" / "invoices.parquet").is_file()


@pytest.mark.parametrize("point", ["flows.books.parquet:_put before 3", "flows.books.parquet:_swap before 1"])
def test_killed_while_they_are_written_the_former_set_stands_and_the_next_publication_finishes(
    home: Home, point: str
) -> None:
    folder = _publish(home, parquet=True)
    before, index = _files(folder), (folder / "index.json").read_bytes()
    with Store(home) as store:
        store.con.execute("update feed_accounts set name = 'Another name' where account_id = 'A-1'")
    shutil.copy(Path(__file__).parents[2] / "data" / "home" / "tollbook.toml", home.settings_file)
    killed_at(point, home.root, "--by", "ann", "publish")
    assert _files(folder) == before
    assert (folder / "index.json").read_bytes() == index
    assert {file for file, inode in _files(_publish(home)).items() if inode != before[file]} == {
        "accounts.parquet", "latest_accounts.parquet",
    }  # fmt: skip
