"""Documents built range by range of accounts, by this process or the workers of an engine, and left as rows on disk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from flows.books.run import Run, empty_folder
from flows.engine.batches import each
from flows.engine.engine import engine_of
from flows.engine.place import place_of
from flows.home.settings import Settings
from flows.month.draft_rows import document_rows
from invoicing.documents import Heading, RunFacts, build_documents
from invoicing.fit import unfit
from schemas.codes import Problem
from schemas.collector import collector_resting
from schemas.money import EXACT

ACCOUNTS_AT_ONCE = 5000
ACCOUNTS_OF_A_UNIT = 1000
"""So many, or fewer, are handed to a worker."""

_IDS = pl.Schema({"account_id": pl.String(), "draft_id": pl.String(), "total": EXACT})


class Part(NamedTuple):
    """What the documents of a range of accounts are built of, as build_documents takes it."""

    lines: pl.DataFrame
    taxes: pl.DataFrame
    allowances: pl.DataFrame
    headings: list[Heading]
    facts: RunFacts


class Built(NamedTuple):
    """Rows of table documents, of those that may be issued, and what is wrong with the others: account -> problem."""

    rows: pl.DataFrame
    wrong: dict[str, Problem]


@dataclass(frozen=True)
class Drafts:
    """The documents of a run. `ids`: account_id, draft_id, total; `wrong`: as in Built; their rows lie in `files`."""

    ids: pl.DataFrame
    wrong: dict[str, Problem]
    files: list[Path]

    def rows(self) -> Iterator[pl.DataFrame]:
        """Rows of table documents, some at a time: their JSON is the largest thing that a month writes."""
        return map(pl.read_ipc, self.files)


def accounts_at_once(settings: Settings, accounts: int) -> int:
    """How many accounts make a range of so many."""
    if settings.engine.kind == "local":
        return ACCOUNTS_AT_ONCE
    return min(ACCOUNTS_OF_A_UNIT, -(-accounts // settings.engine.workers) or 1)


def build_drafts(run: Run, parts: Iterable[Part]) -> Drafts:
    """The documents of all parts, in their order. Raises what a document cannot be built for."""
    folder, files, frames = empty_folder(run.work / "drafts"), list[Path](), [pl.DataFrame(schema=_IDS)]
    wrong: dict[str, Problem] = {}
    for number, built in enumerate(_built(run, parts)):
        wrong |= built.wrong
        if built.rows.height:
            files.append(folder / f"{number:05}.arrow")
            built.rows.write_ipc(files[-1])
            frames.append(built.rows.select(_IDS.names()))
    return Drafts(pl.concat(frames), wrong, files)


def _built(run: Run, parts: Iterable[Part]) -> Iterator[Built]:
    engine = engine_of(run.settings.engine)
    if engine is None:
        yield from map(build, parts)
        return
    with place_of(run.store.home, run.settings.engine, "draft") as place:
        for (built,) in each(engine, place, "draft", build, parts, 1):
            if isinstance(built, Exception):
                raise built
            yield built


@collector_resting()
def build(part: Part) -> Built:
    """The documents of a part; top-level, so that a worker can be handed it."""
    documents = build_documents(*part)
    wrong = {d.bill_to.account_id: problem for d in documents if (problem := unfit(d))}
    return Built(document_rows([d for d in documents if d.bill_to.account_id not in wrong]), wrong)
