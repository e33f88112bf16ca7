"""Who answers the tax question: our own tables, or for some sellers another program that reads and writes files.

The question and the answer are plain frames (taxes/frames.py), the same for both. The other program finds a folder
named after the request's content and leaves its answer in it, so one request is answered once however often the run
is repeated (data/reference/taxes/README.md, "Another engine").
"""

import hashlib
import json
import subprocess
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from flows.books.run import Run
from flows.home.objects import keep
from flows.home.settings import Settings, TaxEngineSettings
from flows.home.whole_files import write_atomic
from schemas.document import ENGINE_ANSWER
from schemas.errors import Refused
from schemas.frames import FINDINGS, parked_as
from schemas.money import EXACT, rounded
from taxes.apply import TaxResult, apply, number_taxes
from taxes.frames import CERTIFICATES, DOCUMENTS, ID_CHECKS, ISSUED, LINE_FACTS, LINES, PARKED, TAXES
from taxes.memory import Memory
from taxes.tables import TAX_CODES, TaxTables


@dataclass(frozen=True)
class Question:
    """The request of the port: everything an engine may look at."""

    lines: pl.DataFrame
    documents: pl.DataFrame
    certificates: pl.DataFrame
    id_checks: pl.DataFrame
    issued: pl.DataFrame
    memory: Memory

    def of(self, drafts: pl.DataFrame) -> "Question":
        """The part of it that is about the documents in `drafts` (draft_id, account_id)."""
        accounts = drafts.select("account_id")
        return replace(
            self,
            lines=self.lines.join(drafts, on="draft_id", how="semi"),
            documents=self.documents.join(drafts, on="draft_id", how="semi"),
            certificates=self.certificates.join(accounts, on="account_id", how="semi"),
            id_checks=self.id_checks.join(accounts, on="account_id", how="semi"),
            issued=self.issued.join(accounts, on="account_id", how="semi"),
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
"""Columns of taxes.csv in an answer; it may have `lines`, the numbers of the lines that a row is on (default: all of
the document that were asked about). Its documents.csv: draft_id, state (taxed, parked), reason."""


def tax_documents(question: Question, tables: TaxTables, settings: Settings, run: Run) -> TaxResult:
    """The taxes of every document: by our tables, or by the engine of the seller.

    The engine is not asked about lines that give back what an issued document charged: that is returned as it stands
    there, whoever worked it out (RULES 20).
    """
    engine = settings.tax_engine
    if engine is None:
        return _by_tables(question, tables)
    drafts = question.documents.select("draft_id", "account_id", "seller_id")
    theirs = drafts.filter(pl.col("seller_id").is_in(engine.sellers))
    given_back = question.memory.remembers(question.lines)
    asked_of_them = question.lines.join(theirs, on="draft_id", how="semi").join(given_back, on=_LINE, how="anti")
    ours = _by_tables(replace(question, lines=question.lines.join(asked_of_them, on=_LINE, how="anti")), tables)
    asked = theirs.join(asked_of_them, on="draft_id", how="semi")
    if asked.is_empty():
        return ours
    other = ask(replace(question.of(asked), lines=asked_of_them), engine, run)
    parked = pl.concat([ours.parked, other.parked]).unique("draft_id", keep="first", maintain_order=True)
    taxes = pl.concat([ours.taxes, other.taxes]).join(parked, on="draft_id", how="anti")
    return TaxResult(number_taxes(taxes), parked.sort("draft_id"), pl.concat([ours.findings, other.findings]))


_LINE = ["draft_id", "line_no"]


def _by_tables(question: Question, tables: TaxTables) -> TaxResult:
    rest = (question.certificates, question.id_checks, question.issued, question.memory)
    return apply(question.lines, question.documents, tables, *rest)


def ask(question: Question, engine: TaxEngineSettings, run: Run) -> TaxResult:
    """Writes the request, has it answered, checks and reads the answer. Raises Refused without one or for a bad one."""
    files = {
        "lines.csv": _csv(question.lines, [*LINES, *LINE_FACTS, "reverses"]),
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
        last_words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise Refused(f"the tax engine ended with {done.returncode}: {last_words[0]}")


def _read(answer: Path, request_id: str, question: Question, run: Run) -> TaxResult:
    try:
        header = json.loads((answer / "answer.json").read_text(encoding="utf-8"))
        documents = _frame(answer / "documents.csv", {"draft_id": pl.String, "state": pl.String, "reason": pl.String})
        rows = _on_lines(_frame(answer / "taxes.csv", ANSWER, {"lines": pl.String}), question.lines)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise Refused(f"{answer}: the tax engine's answer cannot be read: {error}") from None
    if header.get("request") != request_id:
        raise Refused(f"{answer}: found an answer to request {header.get('request')!r}; expected {request_id}")
    if faults := _faults(documents, rows, question):
        raise Refused(f"{answer}: " + "; ".join(faults))
    for name in ("answer.json", "documents.csv", "taxes.csv"):
        keep(run.request.home, (answer / name).read_bytes())
    own = {"table": pl.lit(f"{ENGINE_ANSWER}{request_id}"), "unit": pl.lit("percent_of_base")}
    absent = [pl.lit(None).alias(name) for name in TAXES if name not in (*rows.columns, *own)]
    taxes = number_taxes(
        rows.with_columns(*absent, **own).cast({name: TAXES[name] for name in ("rate_amount", "table")})
    )
    accounts = question.documents.select("draft_id", "account_id")
    left_out = documents.filter(pl.col("state") == "parked").join(accounts, on="draft_id")
    parked = left_out.with_columns(**parked_as("tax_engine", pl.col("reason"))).select(list(PARKED))
    return TaxResult(taxes, parked, pl.DataFrame(schema=FINDINGS))


def _frame(path: Path, columns: dict[str, Any], optional: dict[str, Any] | None = None) -> pl.DataFrame:
    """A CSV with exactly these columns at least, read as text and cast: an amount never passes through a float."""
    read = pl.read_csv(path, infer_schema=False)
    absent = [pl.lit(None, pl.String).alias(name) for name in optional or {} if name not in read.columns]
    return read.with_columns(absent).select(
        pl.col(name).str.to_date() if kind == pl.Date else pl.col(name).cast(kind)
        for name, kind in {**columns, **(optional or {})}.items()
    )


def _on_lines(rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Rows with `parts`, from `lines`: one part of the lines that the row is on, in proportion to their amounts."""
    amounts: dict[str, dict[int, Decimal]] = {}
    for draft, number, amount in lines.select(*_LINE, "amount").iter_rows():
        amounts.setdefault(draft, {})[number] = amount
    parts = []
    for draft, text, base, exempt in rows.select("draft_id", "lines", "base_amount", "exempt_amount").iter_rows():
        of_draft = amounts.get(draft, {})
        numbers = [int(word) for word in text.split()] if text else list(of_draft)
        on = sum((of_draft.get(number, Decimal(0)) for number in numbers), Decimal(0))
        taxable = rounded(Fraction(base + (exempt or 0)) * 100 / Fraction(on), 12) if on and base is not None else None
        part = {"lines": sorted(numbers), "amount": on, "telecom_percent": taxable, "line_count": Decimal(0)}
        parts.append([{**dict.fromkeys(("of", "interstate", "interstate_share")), **part}])
    return rows.with_columns(parts=pl.Series(parts, dtype=TAXES["parts"]))


def _faults(documents: pl.DataFrame, rows: pl.DataFrame, question: Question) -> list[str]:
    """What an answer lacks or says too much of. Every document is answered once; amounts are in whole minor units."""
    asked = question.documents
    faults = []
    if documents["draft_id"].sort().to_list() != asked["draft_id"].sort().to_list():
        faults.append("documents.csv does not answer every document of the request once")
    if not documents["state"].is_in(["taxed", "parked"]).all():
        faults.append("documents.csv: expected state taxed or parked")
    if documents.filter((pl.col("state") == "parked") & pl.col("reason").is_null()).height:
        faults.append("documents.csv: a parked document has no reason")
    taxed = documents.filter(pl.col("state") == "taxed")
    if rows.join(taxed, on="draft_id", how="anti").height:
        faults.append("taxes.csv has rows of documents that are not taxed")
    codes, kinds = rows["tax_code"].is_in(list(TAX_CODES)).all(), rows["kind"].is_in(["tax", "recovery_fee"]).all()
    if not codes or not kinds:
        faults.append(f"taxes.csv: expected kind tax or recovery_fee, and a tax_code of {', '.join(TAX_CODES)}")
    required = ["jurisdiction", "tax_date", "gross_base", "base_amount", "rate_percent", "amount", "name", "text"]
    if rows.select(required).null_count().sum_horizontal().item() if rows.height else 0:
        faults.append(f"taxes.csv: none of {', '.join(required)} may be empty")
    fine = rows.join(asked.select("draft_id", "minor_digits"), on="draft_id")
    if any(amount != round(amount, digits) for amount, digits in fine.select("amount", "minor_digits").iter_rows()):
        faults.append("taxes.csv: an amount has more decimals than its currency")
    lines = question.lines.select(*_LINE)
    named = rows.select(
        "draft_id", line_no=pl.col("parts").list.eval(pl.element().struct.field("lines")).list.explode()
    )
    strange = named.explode("line_no").join(lines, on=_LINE, how="anti").drop_nulls("line_no")
    faults += [
        f"taxes.csv: {draft} has no line {number} in the request" for draft, number in strange.head(3).iter_rows()
    ]
    return faults
