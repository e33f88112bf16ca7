"""What a CSV has by its layout besides records: lines above the first one, more cells behind, quotes left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.home.file_settings import SourceSettings
from tests.flows.inbox import Inbox, counts, opened

FOLDER = Path(__file__).parents[1] / "presets"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def declare(inbox: Inbox, source_format: str, **options: Any) -> None:
    inbox.sources["own"] = SourceSettings(format=source_format, feed="calls", path="inbox/calls/own/*", **options)


def lines_of(layout: str, name: str) -> list[str]:
    return (FOLDER / layout / name).read_text(encoding="utf-8").splitlines(keepends=True)


def reasons(inbox: Inbox) -> list[tuple[Any, ...]]:
    return inbox.rows("select source_line, reason, raw_line from rejected_records order by 1")


# ---- Cisco CUCM: a line of types below the header ----

CUCM = lines_of("cisco_cucm", "cdr_StandAloneCluster_01_202605041400_1")


def numbered(line: str, number: int) -> str:
    return line.replace("-000000000001", f"-{number:012d}")


def test_a_quiet_hour_is_a_file_without_records(inbox: Inbox) -> None:
    declare(inbox, "cisco_cucm")
    assert counts(inbox.take("calls/own/cdr_0300_1", "".join(CUCM[:2]))) == (0, 0, 0, 0)
    assert counts(inbox.take("calls/own/cdr_0400_1", CUCM[0])) == (0, 0, 0, 0)


@pytest.mark.parametrize("types", [CUCM[1], '"INTEGER",' + CUCM[1].partition(",")[2], ""])
def test_the_line_of_types_may_be_in_quotes_or_missing(inbox: Inbox, types: str) -> None:
    declare(inbox, "cisco_cucm")
    assert counts(inbox.take("calls/own/cdr_1", CUCM[0] + types + CUCM[2])) == (1, 1, 0, 0)
    assert inbox.rows("select source_line from feed_calls") == [(2 + bool(types),)]


def test_only_lines_above_the_first_record_lead_to_it(inbox: Inbox) -> None:
    declare(inbox, "cisco_cucm")
    assert counts(inbox.take("calls/own/cdr_1", CUCM[0] + CUCM[1] + CUCM[2] + CUCM[1])) == (2, 1, 1, 0)


def test_many_small_files_without_a_quote(inbox: Inbox) -> None:
    declare(inbox, "cisco_cucm")
    for number in range(1, 5):
        inbox.put(f"calls/own/cdr_{number}", "".join([*CUCM[:2], numbered(CUCM[2], number)]).replace('"', ""))
    assert {counts(file) for file in inbox.ingest().files} == {(1, 1, 0, 0)}
    assert inbox.rows("select count(*), min(source_line), max(source_line) from feed_calls") == [(4, 3, 3)]


# ---- BroadWorks: a first line, and some hundred cells behind those that are read ----

WORKS = lines_of("broadworks", "BW-CDR-20260504140000-2-AS1-000123.csv")


@pytest.mark.parametrize("first", ["", WORKS[0], "version=17.0 encoding=ISO-8859-1\n"])
@pytest.mark.parametrize("more", [0, 388])
def test_as_many_cells_as_the_first_record_has(inbox: Inbox, first: str, more: int) -> None:
    declare(inbox, "broadworks")
    wide = [line.rstrip("\n") + "," * more + "\n" for line in WORKS[1:4]]
    assert counts(inbox.take("calls/own/a.csv", first + "".join(wide))) == (3, 3, 0, 0)
    assert inbox.rows("select min(source_line), max(source_line) from feed_calls") == [
        (1 + bool(first), 3 + bool(first))
    ]


def test_a_record_of_another_width_is_rejected(inbox: Inbox) -> None:
    declare(inbox, "broadworks")
    cut = WORKS[2].rstrip("\n,") + "\n"
    assert counts(inbox.take("calls/own/a.csv", WORKS[1] + cut + WORKS[3])) == (3, 2, 1, 0)
    assert [(line, raw) for line, _, raw in reasons(inbox)] == [(2, cut.rstrip("\n"))]


# ---- Kazoo and FusionPBX: quotes that the system leaves out ----

KAZOO = (FOLDER / "kazoo" / "cdrs.csv").read_bytes().decode().splitlines(keepends=True)


def test_a_mended_line_is_kept_as_it_stands_in_the_file(inbox: Inbox) -> None:
    declare(inbox, "kazoo")
    named = KAZOO[2].replace("Desk 1", "Smith, Anna")
    assert "Mon, 04 May" in KAZOO[1]
    assert '"' not in "".join(KAZOO)
    assert counts(inbox.take("calls/own/a.csv", KAZOO[0] + KAZOO[1] + named + KAZOO[1])) == (3, 1, 1, 1)
    assert reasons(inbox) == [(3, "found more than 34 columns; expected 34", named.rstrip("\r\n"))]
    assert inbox.rows("select raw_line from duplicate_records") == [(KAZOO[1].rstrip("\r\n"),)]


def test_quotes_inside_a_name(inbox: Inbox) -> None:
    declare(inbox, "fusionpbx_xml_cdr")
    export = lines_of("fusionpbx_xml_cdr", "cdr_a1.pbx.example_20260601_060000.csv")
    inside = next(line for line in export if 'Anna "Desk" X' in line)
    # As the page's export has it, as a database writes it, and where nothing can be told.
    doubled, odd = inside.replace('"Desk"', '""Desk""'), inside.replace('Anna "Desk" X', '"Desk')
    mixed = [line.replace("-000000000011", f"-00000000002{n}") for n, line in enumerate((inside, doubled, odd))]
    assert counts(inbox.take("calls/own/a.csv", export[0] + "".join(mixed[:2]))) == (2, 2, 0, 0)
    refused = inbox.take("calls/own/b.csv", export[0] + export[1] + mixed[2])
    assert (refused.state, counts(refused)) == ("refused", (0, 0, 0, 0))
