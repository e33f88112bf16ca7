"""Large files of usage go straight into their feed, and become what small ones become by way of `staged` (RULES 15)."""

from hashlib import blake2b
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.ingest import straight
from flows.ingest.report import IngestReport
from schemas.feeds import FEEDS
from tests.flows.inbox import CALLS, call, counts, opened

TABLES = ("feed_calls", "duplicate_records", "rejected_records", "usage_variants", "file_sums", "source_files")
IDENTITY = st.tuples(
    st.sampled_from(["calls", "switch"]), st.text("ab1", max_size=2), st.sampled_from([None, "a", "b"])
)


def crooked(numbers: range) -> str:
    """Calls of which some come twice, some contradict another, some are bad, in an order that says nothing."""
    lines = [call(number, duration_s=str(60 + (number * take) % 3 // 2)) for number in numbers for take in (1, 2)]
    lines += [call(numbers[7], started_at="2026-02-30T10:00:00Z"), "x\n", call(numbers[0])]
    mixed = sorted(enumerate(lines), key=lambda line: blake2b(repr(line).encode()).digest())
    return CALLS + "".join(line for _, line in mixed)


def taken_in(root: Path) -> tuple[dict[str, pl.DataFrame], list[IngestReport]]:
    with opened(root) as inbox:
        inbox.max_reject_percent = 20
        files = [crooked(range(300)), crooked(range(200, 500)), CALLS + "x\n" * 9 + call(1), call(1)]
        reports = []
        for n, content in enumerate([*files, crooked(range(400, 600))]):
            inbox.put(f"calls/{n}.csv", content)
            reports.append(inbox.ingest())
        return {table: inbox.frame(f"select * from {table} order by all") for table in TABLES}, reports


@pytest.mark.parametrize(
    "limits",
    [{}, {"_MOST_HELD": 5}, {"_MOST_BITS": 64}, {"_MOST_STORED": 0}],
    ids=["as it is", "few rows held", "a filter that takes most rows for known", "nothing read of the feed"],
)
def test_a_large_file_becomes_what_a_small_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    plain, said = taken_in(tmp_path / "small")
    monkeypatch.setattr(straight, "LARGE", 0)
    for name, limit in limits.items():
        monkeypatch.setattr(straight, name, limit)
    large, said_of_large = taken_in(tmp_path / "large")
    assert [report.lines() for report in said] == [report.lines() for report in said_of_large]
    assert [report.notes() for report in said] == [report.notes() for report in said_of_large]
    assert plain["duplicate_records"].height > 300
    assert plain["usage_variants"].height > 100
    for table in TABLES:
        assert plain[table].equals(large[table]), table


def test_a_large_file_that_is_refused_leaves_nothing_and_takes_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(straight, "LARGE", 0)
    with opened(tmp_path) as inbox:
        inbox.max_reject_percent = 10
        refused = inbox.take("calls/a.csv", CALLS + call(1) + call(2) + "x\nx\n")
        assert (refused.state, inbox.rows("select count(*) from feed_calls")) == ("refused", [(0,)])
        assert counts(inbox.take("calls/b.csv", CALLS + call(1) + call(2))) == (2, 2, 0, 0)
        numbers = "select distinct usage_no - source_line = file_seq * 4294967296, file_seq from feed_calls"
        assert inbox.rows(numbers) == [(True, 2)]
        assert inbox.rows("select file_seq, state from source_files order by 1") == [(1, "refused"), (2, "loaded")]


def test_what_the_feed_holds_of_a_large_file_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row lost on its way straight into the feed makes the file refused, as one lost on the way from `staged`."""
    monkeypatch.setattr(straight, "LARGE", 0)

    def lossy(self: straight.Identities, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        return rows.head(1), rows.clear()

    monkeypatch.setattr(straight.Identities, "parted", lossy)
    with opened(tmp_path) as inbox:
        result = inbox.take("calls/a.csv", CALLS + call(1) + call(2))
        assert (result.state, inbox.rows("select count(*) from feed_calls")) == ("refused", [(0,)])


@given(st.lists(st.lists(IDENTITY, max_size=8), min_size=1, max_size=5), st.sampled_from([4, 2**16]))
def test_no_identity_is_new_twice(blocks: list[list[tuple[str, str, str | None]]], bits: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(straight, "_MOST_BITS", bits)
        seen = straight.Identities(FEEDS["calls"], 10)
    schema = dict.fromkeys(("source", "call_id", "leg"), pl.String)
    new: list[tuple[str, ...]] = []
    for block in blocks:
        rows = pl.DataFrame(block, schema=schema, orient="row")
        fresh, others = seen.parted(rows)
        new += fresh.rows()
        assert sorted(map(str, [*fresh.rows(), *others.rows()])) == sorted(map(str, block))
    assert len(new) == len(set(new))
    assert bits == 4 or set(new) == {row for block in blocks for row in block}
