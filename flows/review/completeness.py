"""Did everything come? Days, file sequences and control totals that sources declare, against what came (RULES 28)."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from flows.home.file_settings import SourceSettings, sequence_pattern
from flows.home.settings import Settings
from flows.home.store import Store
from flows.review.stops import Stop
from schemas.counts import count_of
from schemas.periods import add_months, month_start

_DATED = re.compile(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)")
_PER_DAY = """
    select (started at time zone $zone)::date as day, count(*), coalesce(sum(duration_s), 0)::bigint from (
        select started_at as started, duration_s from feed_calls where source = $source
        union all select sent_at, 0 from feed_messages where source = $source)
    where started >= $first - interval 1 day and started < $last + interval 1 day group by day"""
Days = dict[date, tuple[int, int]]


def missing(store: Store, settings: Settings, month: str) -> list[Stop]:
    """Gaps in the usage month that an invoice month bills: the month before it."""
    end = month_start(month)
    first = add_months(end, -1)
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    stops: list[Stop] = []
    for name, source in settings.sources.items():
        if source.expect == "daily":
            stops += _missing_days(store, name, source, days)
        if source.sequence:
            stops += _missing_numbers(store, name, source.sequence, first)
    return [*stops, *_control_totals(store, settings, days)]


def _loaded_by_day(store: Store, source: str, zone: str | None, days: list[date]) -> Days:
    """Records and seconds of a source by its local day; UTC where it declares no zone."""
    values = {"source": source, "zone": zone or "UTC", "first": days[0], "last": days[-1] + timedelta(days=1)}
    return {day: (records, seconds) for day, records, seconds in store.rows(_PER_DAY, values)}


def _missing_days(store: Store, name: str, source: SourceSettings, days: list[date]) -> Iterator[Stop]:
    """A day has come when a record starts on it, a loaded file bears its date, or its control total says none."""
    came = set(_loaded_by_day(store, name, source.time_zone, days))
    came |= {
        _day(found.groups())
        for (file,) in store.rows("select source_file from source_files where source = $1 and state = 'loaded'", [name])
        for found in _DATED.finditer(Path(file).name)
    }
    came |= {day for day, records, _ in _totals(store, days).get(name, []) if records == 0}
    absent = [day for day in days if day not in came]
    if absent:
        yield Stop("missing_days", name, f"expected daily; nothing for {_ranges([day.isoformat() for day in absent])}")


def _day(parts: tuple[str, ...]) -> date:
    try:
        return date(*(int(part) for part in parts))
    except ValueError:
        return date.min


def _missing_numbers(store: Store, name: str, sequence: str, first: date) -> Iterator[Stop]:
    """Numbers between those that came. The widest gap is where the sequence has not been yet: 9999 to 0000 is none."""
    pattern = sequence_pattern(sequence)
    found = {}
    for file, state, latest in store.rows(
        """
        select source_file, state, l.latest::date from source_files s left join (
            select file_seq, max(started_at) as latest from feed_calls group by 1 union all
            select file_seq, max(sent_at) from feed_messages group by 1) l using (file_seq)
        where source = $1 order by file_seq""",
        [name],
    ):
        match = pattern.fullmatch(Path(file).name)
        # A year ago the same number may have been another file's.
        if match and (latest is None or latest >= first - timedelta(days=366)):
            found[int(match[1])] = (file, state)
    width = sequence.count("#")
    present = sorted(number for number, (_, state) in found.items() if state == "loaded")
    if len(present) < 2:
        return
    around = [*pairwise(present), (present[-1], present[0] + 10**width)]
    around.remove(max(around, key=lambda pair: pair[1] - pair[0]))
    absent = [number % 10**width for low, high in around for number in range(low + 1, high)]
    if absent:
        states = [f"; {found[n][0]} is {found[n][1].replace('_', ' ')}" for n in absent[:3] if n in found]
        told = _ranges([f"{number:0{width}d}" for number in absent])
        yield Stop("missing_files", name, f"sequence {sequence} lacks {told}{''.join(states)}")


def _totals(store: Store, days: list[date]) -> dict[str, list[tuple[date, int, int]]]:
    """What the switches say they wrote: source -> (day, records, seconds), in force today."""
    totals: dict[str, list[tuple[date, int, int]]] = {}
    for source, day, records, seconds in (
        store.current("usage_totals").select("source", "local_date", "records", "seconds").iter_rows()
    ):
        if days[0] <= day <= days[-1]:
            totals.setdefault(source, []).append((day, records, seconds))
    return totals


def _control_totals(store: Store, settings: Settings, days: list[date]) -> Iterator[Stop]:
    for source, told in sorted(_totals(store, days).items()):
        declared = settings.sources.get(source)
        loaded = _loaded_by_day(store, source, declared.time_zone if declared else None, days)
        for day, records, seconds in sorted(told):
            have = loaded.get(day, (0, 0))
            if have != (records, seconds):
                yield Stop(
                    "control_total",
                    f"{source} {day}",
                    f"the switch wrote {count_of(records, 'record')} and {count_of(seconds, 'second')}, loaded are "
                    f"{have[0]} and {have[1]}",
                )


def _ranges(names: list[str], shown: int = 10) -> str:
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")
