"""Commands that only look: status, doctor, schema, check."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.base import INCOMPLETE, Globals, finish, give, say
from flows.home.settings import Settings, load_settings
from flows.home.store import Store
from schemas.catalog import DECK_COLUMNS, Catalog
from schemas.document import Document
from schemas.errors import WrongUsage
from schemas.feeds import FEEDS


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("status")(status_command)
    app.command("doctor")(doctor_command)
    app.command("schema")(schema_command)
    app.command("check")(check_command)


def status_command(
    context: typer.Context, month: Annotated[str | None, typer.Argument(help="Default every month.")] = None
) -> None:
    """Where everything stands: files, runs, drafts, issued, sent, parked, suspended."""
    from flows.ask.status import status, status_lines

    shared: Globals = context.obj
    if month is not None:
        shared.request(month)
    settings = load_settings(shared.home)
    with shared.locked("status"), Store(shared.home, settings.run.memory_limit_mb) as store:
        found = status(store, settings, month, today=shared.today or shared.now.date())
    give(shared, found, status_lines(found))


def doctor_command(context: typer.Context) -> None:
    """Is this machine and this home in order? Each check with its remedy."""
    from flows.ask.doctor import doctor

    shared: Globals = context.obj
    checks = doctor(shared.home)
    give(
        shared,
        [check.__dict__ for check in checks],
        [
            f"{c.state:5} {c.name}: {c.detail}" + (f" -> {c.remedy}" if c.remedy and c.state != "ok" else "")
            for c in checks
        ],
    )
    raise typer.Exit(INCOMPLETE if any(c.state == "fail" for c in checks) else 0)


def schema_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="settings, catalog, document, deck, or a feed.")],
) -> None:
    """Print the shape of something: JSON Schema of settings, catalog, document; columns of a deck or feed."""
    shared: Globals = context.obj
    models: dict[str, Any] = {"settings": Settings, "catalog": Catalog, "document": Document}
    if name in models:
        typer.echo(json.dumps(models[name].model_json_schema(), indent=2, ensure_ascii=False))
        return
    if name == "deck":
        columns: list[dict[str, Any]] = [
            {"name": column, "required": default is None, "default": default}
            for column, default in DECK_COLUMNS.items()
        ]
        give(
            shared,
            columns,
            [f"{c['name']}{'*' if c['required'] else ''}  {c['default'] or ''}".rstrip() for c in columns],
        )
        return
    if name not in FEEDS:
        raise WrongUsage(f"found {name!r}; expected settings, catalog, document, deck or a feed: {', '.join(FEEDS)}")
    feed = FEEDS[name]
    columns = [
        {"name": c.name, "required": c.required, "type": c.kind, "choices": list(c.choices), "meaning": c.meaning}
        for c in feed.columns
    ]
    lines = [
        f"{c['name'] + ('*' if c['required'] else ''):22} {c['type']:9} {c['meaning']}"
        + (f" ({', '.join(c['choices'])})" if c["choices"] else "")
        for c in columns
    ]
    lines += [f"exactly one of {a} and {b}" for a, b in feed.one_of]
    give(shared, columns, lines)


def check_command(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Check files; default HOME/checks/*.yaml.")] = None,
) -> None:
    """Run check files: priced cases, on the code that bills. Needs no home."""
    from flows.ask.check import check_files

    shared: Globals = context.obj
    outcomes = check_files(files or [], shared.home)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    summary = f"{len(outcomes) - len(failed)} passed, {len(failed)} failed"
    if shared.as_json:
        for outcome in outcomes:
            typer.echo(json.dumps(outcome.as_dict(), ensure_ascii=False))
        say(summary)
    else:
        for outcome in failed:
            typer.echo(outcome.line())
        typer.echo(summary)
    finish(bool(failed))
