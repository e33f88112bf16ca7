"""`tollbook taxes`: what is known, for which dates, what is sample; and the traffic study behind USF."""

from typing import Annotated

import typer

from flows.cli import complete
from flows.cli.base import Facts, Globals, day_of, tell
from schemas.errors import NothingToDo, WrongUsage
from schemas.periods import month_start

Country = Annotated[str | None, typer.Option("--country", help="Only tables of this country, such as CA.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    taxes = typer.Typer(help="Tax tables: list, show, coverage, set; traffic study.", no_args_is_help=True)
    taxes.command("list")(list_command)
    taxes.command("show")(show_command)
    taxes.command("coverage")(coverage_command)
    taxes.command("set")(set_command)
    taxes.command("study")(study_command)
    app.add_typer(taxes, name="taxes")


def list_command(context: typer.Context, country: Country = None) -> None:
    """Every table: where it reaches, what it is, its value today, whether that has a source."""
    from flows.ask.tax_report import coverage, list_lines
    from flows.catalog.load import load_taxes

    shared: Globals = context.obj
    tables = [
        table for table in coverage(load_taxes(shared.home), shared.day) if country in (None, table.jurisdiction[:2])
    ]
    tell(shared, Facts([{**table.as_json(), "spans": len(table.spans)} for table in tables], list_lines(tables)))


def show_command(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="File name of a table, such as us/usf.", autocompletion=complete.tax_tables)
    ],
) -> None:
    """Show one table whole: base, dates, rounding, exemption, every value with its source."""
    from flows.ask.tax_report import show_lines, table_named
    from flows.catalog.load import load_taxes

    shared: Globals = context.obj
    table = table_named(load_taxes(shared.home), name)
    tell(shared, Facts(table.model_dump(mode="json"), show_lines(table)))


def coverage_command(context: typer.Context, country: Country = None) -> None:
    """For which dates each tax is known, what is sample, what is missing today; regions billed without any table."""
    from flows.ask.tax_report import coverage, coverage_lines, without_table
    from flows.catalog.load import load_taxes

    shared: Globals = context.obj
    known = load_taxes(shared.home)
    tables = [table for table in coverage(known, shared.day) if country in (None, table.jurisdiction[:2])]
    none = [it for it in known.none if country in (None, it.jurisdiction[:2])]
    silent = []
    if shared.home.database.exists():
        with shared.store("taxes coverage") as store:
            silent = without_table(store, shared.settings, known)
    silent = [row for row in silent if country in (None, row["jurisdiction"][:2])]
    data = [
        *(table.as_json() for table in tables),
        *({"table": it.file, "jurisdiction": it.jurisdiction, "status": "none", "none": it.none} for it in none),
        *({"table": None, "status": "no table", **row} for row in silent),
    ]
    tell(shared, Facts(data, coverage_lines(tables, shared.day, none, silent)))


def set_command(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="Code of the tax, such as USF.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="First day of the rate; of USF the first of its quarter.")],
    value: Annotated[str, typer.Argument(help="Percent, or money per line, as its table says.")],
    reference: Annotated[str, typer.Option(help="Where the rate stands, such as 'FCC DA 26-600'.")],
    jurisdiction: Annotated[str | None, typer.Option(help="Of which table, where the code has several.")] = None,
    by: Annotated[str | None, typer.Option(help="Who enters it; as --by before the command.")] = None,
    override: Annotated[str | None, typer.Option(help="Why a value far from the one before is right.")] = None,
) -> None:
    """Enter a rate into the home's own table, with its source; review and audit log say who did."""
    from flows.catalog.set_rate import Rate, set_rate

    shared: Globals = context.obj
    first = day_of(day, "DATE")
    if first is None:
        raise WrongUsage("DATE: found nothing; expected a date YYYY-MM-DD")
    rate = Rate(code.upper(), first, value, reference, jurisdiction, override)
    with shared.store("taxes set") as store:
        done = set_rate(store, rate, by=by or shared.by, now=shared.now, today=shared.day)
    tell(shared, done)


def study_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.", autocompletion=complete.months)],
) -> None:
    """The traffic study of a month's last run: what of each account's calls is interstate or international."""
    from flows.month.taxing.traffic import report

    shared: Globals = context.obj
    month_start(month)
    with shared.store("taxes study") as store:
        data, lines = report(store, month)
    if not data:
        raise NothingToDo(f"{month} has no run; `tollbook run {month}` measures.")
    tell(shared, Facts(data, lines))
