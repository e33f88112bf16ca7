"""A run that was opened, and where its stages leave their frames."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.books.books import Books
from flows.books.context import Request
from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.store import Store

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Run:
    """An opened run and the open books it works on. Its id comes from its inputs: the same inputs are the same run."""

    books: Books
    run_id: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} run {self.run_id}"

    @property
    def request(self) -> Request:
        return self.books.request

    @property
    def store(self) -> Store:
        return self.books.store

    @property
    def settings(self) -> Settings:
        return self.books.settings

    @property
    def tables(self) -> Tables:
        return self.books.tables

    @property
    def work(self) -> Path:
        """Where the stages leave their frames for the next one."""
        return self.request.home.store / "work" / self.run_id


def draft_id(month: str) -> "pl.Expr":
    """A document's id until it is issued: stable over re-runs of the month (CONTRACT, section 4)."""
    import polars as pl

    return pl.concat_str([pl.lit(f"DRAFT-{month}-"), pl.col("account_id")])


def empty_folder(folder: Path) -> Path:
    """`folder`, made or made empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
