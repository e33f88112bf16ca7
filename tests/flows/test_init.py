"""`init`, the blank home and the sample provider: valid as they are shipped, and the sample shows what it promises."""

import csv
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.sample import make
from flows.catalog.load import load_all
from flows.home.init import init_home
from flows.home.settings import Home, load_settings
from schemas.catalog import Catalog
from schemas.errors import Refused
from schemas.feeds import FEEDS
from schemas.product import SECTIONS

SAMPLE = Path(make.__file__).parent


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    home = Home(SAMPLE)
    return load_all(home, load_settings(home)).catalog


@pytest.mark.parametrize("sample", [False, True])
def test_a_new_home_is_valid_as_written(tmp_path: Path, sample: bool) -> None:
    written = init_home(tmp_path / "home", sample=sample)
    home = Home(tmp_path / "home")
    settings = load_settings(home)
    tables = load_all(home, settings)
    assert set(tables.decks) == set(settings.decks)
    used = {deck for plan in tables.catalog.plans.values() for rule in plan.usage.values() for deck in rule.deck or ()}
    assert used == set(settings.decks), "every deck is used by a plan"
    assert {path.name for path in home.inbox.iterdir()} == set(FEEDS)
    assert written[-1] == home.settings_file
    assert not list(home.root.rglob("*.py"))


@pytest.mark.parametrize("sample", [False, True])
def test_a_phone_of_a_new_home_is_a_line_to_911_levies(tmp_path: Path, sample: bool) -> None:
    """Without it a seller who starts from these files would owe levies that no invoice charged."""
    init_home(tmp_path / "home", sample=sample)
    home = Home(tmp_path / "home")
    assert list(load_all(home, load_settings(home)).catalog.products["phone"].access_lines.values()) == [1]


def test_a_new_home_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        written = init_home(tmp_path / "made" / "home", sample=False)
    finally:
        os.umask(former)
    folders = {path for path in (tmp_path / "made").rglob("*") if path.is_dir()} | {tmp_path / "made"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o750}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o640}


def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        init_home(tmp_path, sample=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_home_is_not_made_twice(tmp_path: Path) -> None:
    init_home(tmp_path, sample=False)
    with pytest.raises(Refused, match="a home already"):
        init_home(tmp_path, sample=True)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(Refused, match="is a file"):
        init_home(tmp_path / "home", sample=False)


def test_the_samples_usage_is_what_its_generator_makes() -> None:
    for name, content in make.usage_files().items():
        committed = (SAMPLE / "inbox" / name).read_text(encoding="utf-8")
        assert committed == content, f"{name}: run python -m data.sample.make"


def feed_files() -> Iterator[tuple[str, Path]]:
    """(feed, file) of every canonical file of the sample."""
    for path in sorted((SAMPLE / "inbox").glob("*/*.csv")):
        yield path.parent.name, path
    yield "accounts", SAMPLE / "later" / "accounts-mended.csv"


@pytest.mark.parametrize(("feed_name", "path"), list(feed_files()), ids=lambda value: getattr(value, "name", value))
def test_the_samples_files_fit_their_feed(feed_name: str, path: Path) -> None:
    feed = FEEDS[feed_name]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert set(feed.required) <= set(rows[0]) <= {column.name for column in feed.columns}
    for row in rows:
        assert all(row[name] for name in feed.required if name != "started_at"), row
        for one, other in feed.one_of:
            assert bool(row[one]) != bool(row[other]), row
        for column in feed.columns:
            if column.kind == "choice" and row.get(column.name):
                assert row[column.name] in column.choices, row


def test_master_data_name_what_exists(catalog: Catalog) -> None:
    settings = load_settings(Home(SAMPLE))
    accounts = {row["account_id"]: row for row in make.rows_of("accounts")}
    for row in accounts.values():
        assert row["seller_id"] in settings.sellers
        assert catalog.plans[row["plan"]].currency == row["currency"]
    for feed in (
        path.parent.name for path in (SAMPLE / "inbox").glob("*/*.csv") if not FEEDS[path.parent.name].is_usage
    ):
        for row in make.rows_of(feed):
            account = accounts[row["account_id"]]
            product = catalog.products.get(row.get("product_code", ""))
            assert product or not row.get("product_code"), row
            if product and feed != "prices":
                assert product.billed_from == feed, row
                own_price = feed == "charges" or row.get("unit_price")
                assert own_price or account["currency"] in product.prices, row


def test_every_section_but_broadband_has_a_source(catalog: Catalog) -> None:
    """No section is filled by hand: a row of master data names it, or the plan of an account rates it."""
    named = {
        row["product_code"] for feed in ("devices", "numbers", "subscriptions", "charges") for row in make.rows_of(feed)
    }
    plans = {row["plan"] for row in make.rows_of("accounts")}
    for rule in (rule for plan in plans for rule in catalog.plans[plan].usage.values()):
        named |= {product for product in (rule.included, rule.charged) if product}
    sections = {catalog.products[code].section for code in named}
    # prorated_charges is where any of them goes when it starts, changes or ends inside a month
    assert sections | {"prorated_charges"} == set(SECTIONS) - {"broadband"}


def test_billing_starts_fall_on_the_days_the_guide_speaks_of() -> None:
    starts = {row["billing_start_date"] for row in make.rows_of("accounts")}
    assert {f"2026-05-{day}" for day in ("01", "03", "05", "06", "15", "31")} <= starts
    assert {"2026-06-03", "2026-06-06"} <= starts


def test_the_odd_records_are_there() -> None:
    files = make.usage_files()
    may = list(csv.DictReader(files["calls/na-2026-05.csv"].splitlines()))
    again = list(csv.DictReader(files["calls/na-2026-06-01-sent-again.csv"].splitlines()))
    ids = Counter(row["call_id"] for row in may)
    assert max(ids.values()) == 1
    assert sum(row in may for row in again) == len(again) - 1, "all but the conflict are duplicates"
    broken = [row for row in may if not row["duration_s"].isdigit() or "-32T" in row["started_at"]]
    assert len(broken) == 2
    assert len(broken) * 100 < 5 * len(may)
