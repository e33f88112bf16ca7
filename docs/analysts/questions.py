"""The ten questions of an analyst, answered from a published snapshot: a marimo notebook.

Look at it with `marimo run docs/analysts/questions.py -- --snapshot HOME/published/tollbook.duckdb`, or print the
answers with `python docs/analysts/questions.py -- --snapshot …`. Without --snapshot it reads the one below
$TOLLBOOK_HOME, else below the current folder. The queries are the files in questions/; nothing is fetched.
"""

import marimo

__generated_with = "0.25.1"
app = marimo.App(width="medium", app_title="Ten questions to the books")


@app.cell
def _():
    import html
    import os
    from decimal import Decimal
    from pathlib import Path

    import duckdb
    import marimo as mo
    import polars as pl

    return Decimal, Path, duckdb, html, mo, os, pl


@app.cell
def _(Path, duckdb, mo, os):
    snapshot = Path(
        mo.cli_args().get("snapshot") or Path(os.environ.get("TOLLBOOK_HOME") or ".") / "published" / "tollbook.duckdb"
    )
    if not snapshot.is_file():
        raise SystemExit(
            f"{snapshot} is no snapshot: name one with `-- --snapshot FILE`, or `tollbook publish` makes it."
        )
    con = duckdb.connect(str(snapshot), read_only=True)
    # DuckDB 2.0.0 reckons some sums wrongly with it; tests/flows/test_exact_sums.py shows how.
    con.execute("set TimeZone = 'UTC'; set disabled_optimizers = 'statistics_propagation'")
    return con, snapshot


@app.cell
def _(Decimal, Path, con, html, mo, pl):
    folder = Path(__file__).parent / "questions"

    def said(name):
        """The question and how to read its answer: the comment above the query."""
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        comment = [
            line.removeprefix("--").strip() for line in lines[: next(i for i, x in enumerate(lines) if x[:2] != "--")]
        ]
        question, _, how = " ".join(comment).removeprefix("Question: ").partition(" How to read it: ")
        return f"{question[0].upper()}{question[1:]}", how

    def answer(name):
        """The query's rows, amounts without the zeros behind their last digit."""
        frame = con.sql((folder / name).read_text(encoding="utf-8")).pl()
        return frame.with_columns(
            pl.col(column).map_elements(lambda amount: f"{amount.normalize():f}", return_dtype=pl.String)
            for column, kind in frame.schema.items()
            if isinstance(kind, pl.Decimal)
        )

    def shown(name, chart=None):
        """Question, answer and, where there is one, a chart; as plain text when run as a script."""
        question, how = said(name)
        rows = answer(name)
        if mo.app_meta().mode == "script":
            with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, tbl_hide_column_data_types=True):
                print(f"\n{name.removesuffix('.sql')}: {question}\n{rows}")
        parts = [mo.md(f"## {question}"), mo.md(how), mo.ui.table(rows, selection=None, page_size=15)]
        return mo.vstack(parts + ([chart(rows)] if chart and not rows.is_empty() else []))

    def bars(label, value):
        """A chart of horizontal bars, as static SVG: one a row, negative ones in another colour."""

        def drawn(rows):
            numbers = [Decimal(str(number or 0)) for number in rows[value]]
            longest = max(abs(number) for number in numbers) or Decimal(1)
            lines = []
            for place, (text, number) in enumerate(zip(rows[label], numbers, strict=True)):
                y, length = 22 * place, int(abs(number) / longest * 380)
                colour = "#b4442f" if number < 0 else "#2f6fb4"
                lines.append(
                    f'<text x="195" y="{y + 15}" text-anchor="end">{html.escape(str(text))}</text>'
                    f'<rect x="200" y="{y + 3}" width="{length}" height="16" fill="{colour}"/>'
                    f'<text x="{206 + length}" y="{y + 15}">{number:f}</text>'
                )
            size = f'width="700" height="{22 * len(numbers) + 4}" font-size="12" font-family="sans-serif"'
            return mo.Html(f'<svg xmlns="http://www.w3.org/2000/svg" {size} fill="currentColor">{"".join(lines)}</svg>')

        return drawn

    return bars, shown


@app.cell
def _(mo, snapshot):
    mo.md(f"# Ten questions to the books\n\nRead from `{snapshot}`.")
    return


@app.cell
def _(shown):
    shown("01-arpu-by-plan.sql")
    return


@app.cell
def _(bars, shown):
    shown("02-margin-by-destination.sql", bars("destination", "margin"))
    return


@app.cell
def _(bars, shown):
    shown("03-minutes-by-local-hour.sql", bars("local_hour", "weekday_minutes"))
    return


@app.cell
def _(shown):
    shown("04-churn.sql")
    return


@app.cell
def _(shown):
    shown("05-unbilled-accrual.sql")
    return


@app.cell
def _(shown):
    shown("06-tax-to-remit.sql")
    return


@app.cell
def _(shown):
    shown("07-revenue-earned-and-deferred.sql")
    return


@app.cell
def _(shown):
    shown("08-allowance-left.sql")
    return


@app.cell
def _(shown):
    shown("09-suspended-trend.sql")
    return


@app.cell
def _(bars, shown):
    shown("10-effect-of-a-deck.sql", bars("destination", "difference"))
    return


if __name__ == "__main__":
    app.run()
