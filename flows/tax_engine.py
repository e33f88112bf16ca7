"""Who answers the tax question: our own tables, or for some sellers another program that reads and writes files.

The question and the answer are plain frames (taxes/frames.py), the same for both. The other program finds a folder
named after the request's content and leaves its answer in it, so one request is answered once however often the run
is repeated (data/reference/taxes/README.md, "Another engine").
"""

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.context import Run
from flows.ingest.keep import keep
from flows.settings import Settings, TaxEngineSettings
from flows.store import write_atomic
from schemas.errors import Refused
from schemas.money import EXACT
from taxes.apply import TaxResult, apply
from taxes.frames import CERTIFICATES, DOCUMENTS, FINDINGS, ID_CHECKS, ISSUED, LINE_FACTS, LINES, PARKED, TAXES
from taxes.tables import TAX_CODES, TaxTables


@dataclass(frozen=True)
class Question:
    """The request of the port: everything an engine may look at."""

    lines: pl.DataFrame
    documents: pl.DataFrame
    certificates: pl.DataFrame
    id_checks: pl.DataFrame
    issued: pl.DataFrame

    def of(self, drafts: pl.DataFrame) -> "Question":
        """The part of it that is about the documents in `drafts` (draft_id, account_id)."""
        accounts = drafts.select("account_id")
        rest = (self.certificates, self.id_checks, self.issued)
        return Question(
            self.lines.join(drafts, on="draft_id", how="semi"),
            self.documents.join(drafts, on="draft_id", how="semi"),
            *(frame.join(accounts, on="account_id", how="semi") for frame in rest),
        )


ANSWER: dict[str, pl.DataType | type[pl.DataType]] = {
    "draft_id": pl.String,
    "tax_code": pl.String,
    "kind": pl.String,
    "jurisdiction": pl.String,
    "tax_date": pl.Date,
    "gross_base": EXACT,
    "taxable_percent": EXACT,
    "base_amount": EXACT,
    "exempt_amount": EXACT,
    "rate_percent": EXACT,
    "amount": EXACT,
    "certificate_number": pl.String,
    "note": pl.String,
    "name": pl.String,
    "text": pl.String,
    "reference": pl.String,
}
"""Columns of taxes.csv in an answer. Its documents.csv: draft_id, state (taxed, parked), reason."""


def answered(question: Question, tables: TaxTables, settings: Settings, run: Run) -> TaxResult:
    """The taxes of every document: by our tables, or by the engine of the seller."""
    engine = settings.tax_engine
    if engine is None:
        return _by_tables(question, tables)
    drafts = question.documents.select("draft_id", "account_id", "seller_id")
    theirs = drafts.filter(pl.col("seller_id").is_in(engine.sellers))
    asked = theirs.join(question.lines.select("draft_id").unique(), on="draft_id", how="semi")
    ours = _by_tables(question.of(drafts.join(theirs, on="draft_id", how="anti")), tables)
    if asked.is_empty():
        return ours
    other = ask(question.of(asked), engine, run)
    return TaxResult(
        pl.concat([ours.taxes, other.taxes]).sort("draft_id", "tax_no"),
        pl.concat([ours.parked, other.parked]).sort("draft_id"),
        pl.concat([ours.findings, other.findings]),
    )


def _by_tables(question: Question, tables: TaxTables) -> TaxResult:
    return apply(question.lines, question.documents, tables, question.certificates, question.id_checks, question.issued)


def ask(question: Question, engine: TaxEngineSettings, run: Run) -> TaxResult:
    """Writes the request, has it answered, checks and reads the answer. Raises Refused without one or for a bad one."""
    files = {
        "lines.csv": _csv(question.lines, [*LINES, *LINE_FACTS]),
        "documents.csv": _csv(
            question.documents.with_columns(pl.col("seller_vat_countries").list.join(" ")), [*DOCUMENTS]
        ),
        "certificates.csv": _csv(question.certificates, [*CERTIFICATES, "reason"]),
        "tax_id_checks.csv": _csv(question.id_checks, [*ID_CHECKS]),
        "issued_taxes.csv": _csv(question.issued, [*ISSUED]),
    }
    request_id = hashlib.sha256(b"".join(name.encode() + text for name, text in sorted(files.items()))).hexdigest()[:16]
    folder = run.request.home.root / engine.folder / request_id
    manifest = {"request": request_id, "invoice_month": run.request.invoice_month, "files": sorted(files)}
    for name, text in {**files, "request.json": json.dumps(manifest, indent=1).encode()}.items():
        write_atomic(folder / "request" / name, text)
    answer = folder / "answer"
    if not (answer / "answer.json").exists():
        _start(engine, folder)
    return _read(answer, request_id, question, run)


def _csv(frame: pl.DataFrame, columns: list[str]) -> bytes:
    return frame.select(name for name in columns if name in frame.columns).sort(pl.all()).write_csv().encode()


def _start(engine: TaxEngineSettings, folder: Path) -> None:
    if not engine.command:
        raise Refused(
            f"the tax engine has not answered yet: it reads {folder}/request and writes {folder}/answer. "
            "Run the month again when it has."
        )
    try:
        done = subprocess.run(
            [*engine.command, str(folder)], timeout=engine.timeout_s, capture_output=True, text=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"the tax engine could not be asked: {error}") from None
    if done.returncode != 0:
        told = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise Refused(f"the tax engine ended with {done.returncode}: {told[0]}")


def _read(answer: Path, request_id: str, question: Question, run: Run) -> TaxResult:
    try:
        told = json.loads((answer / "answer.json").read_text(encoding="utf-8"))
        documents = _frame(answer / "documents.csv", {"draft_id": pl.String, "state": pl.String, "reason": pl.String})
        rows = _frame(answer / "taxes.csv", ANSWER)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise Refused(f"{answer}: the tax engine's answer cannot be read: {error}") from None
    if told.get("request") != request_id:
        raise Refused(f"{answer}: found an answer to request {told.get('request')!r}; expected {request_id}")
    if faults := _faults(documents, rows, question.documents):
        raise Refused(f"{answer}: " + "; ".join(faults))
    for name in ("answer.json", "documents.csv", "taxes.csv"):
        keep(run.request.home, (answer / name).read_bytes())
    own = {"table": pl.lit(f"engine answer {request_id}"), "unit": pl.lit("percent_of_base"), "parts": pl.lit([])}
    numbered = (
        rows.sort("draft_id", pl.col("kind") == "tax", "tax_code", "jurisdiction", "tax_date", "rate_percent")
        .with_columns(tax_no=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("draft_id"), **own)
    )  # fmt: skip
    absent = [pl.lit(None).alias(name) for name in TAXES if name not in numbered.columns]
    taxes = numbered.with_columns(absent).select(list(TAXES)).cast(TAXES)
    accounts = question.documents.select("draft_id", "account_id")
    parked = documents.filter(pl.col("state") == "parked").join(accounts, on="draft_id").select(list(PARKED))
    return TaxResult(taxes, parked, pl.DataFrame(schema=FINDINGS))


def _frame(path: Path, columns: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """A CSV with exactly these columns at least, read as text and cast: an amount never passes through a float."""
    return pl.read_csv(path, infer_schema=False).select(
        pl.col(name).str.to_date() if kind == pl.Date else pl.col(name).cast(kind) for name, kind in columns.items()
    )


def _faults(documents: pl.DataFrame, rows: pl.DataFrame, asked: pl.DataFrame) -> list[str]:
    """What an answer lacks or says too much of. Every document is answered once; amounts are in whole minor units."""
    found = []
    if documents["draft_id"].sort().to_list() != asked["draft_id"].sort().to_list():
        found.append("documents.csv does not answer every document of the request once")
    if not documents["state"].is_in(["taxed", "parked"]).all():
        found.append("documents.csv: expected state taxed or parked")
    if documents.filter((pl.col("state") == "parked") & pl.col("reason").is_null()).height:
        found.append("documents.csv: a parked document has no reason")
    taxed = documents.filter(pl.col("state") == "taxed")
    if rows.join(taxed, on="draft_id", how="anti").height:
        found.append("taxes.csv has rows of documents that are not taxed")
    codes, kinds = rows["tax_code"].is_in(list(TAX_CODES)).all(), rows["kind"].is_in(["tax", "recovery_fee"]).all()
    if not codes or not kinds:
        found.append(f"taxes.csv: expected kind tax or recovery_fee, and a tax_code of {', '.join(TAX_CODES)}")
    required = ["jurisdiction", "tax_date", "gross_base", "base_amount", "rate_percent", "amount", "name", "text"]
    if rows.select(required).null_count().sum_horizontal().item() if rows.height else 0:
        found.append(f"taxes.csv: none of {', '.join(required)} may be empty")
    fine = rows.join(asked.select("draft_id", "minor_digits"), on="draft_id")
    if any(amount != round(amount, digits) for amount, digits in fine.select("amount", "minor_digits").iter_rows()):
        found.append("taxes.csv: an amount has more decimals than its currency")
    return found
