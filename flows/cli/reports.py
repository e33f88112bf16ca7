"""Commands that only look: status, doctor, schema, check."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli import complete
from flows.cli.base import Facts, Globals, finish, say, show, tell
from schemas.errors import Refused, WrongUsage
from schemas.periods import month_start

if TYPE_CHECKING:
    from pydantic import BaseModel


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("status")(status_command)
    app.command("doctor")(doctor_command)
    app.command("schema")(schema_command)
    app.command("check")(check_command)


def status_command(
    context: typer.Context,
    month: Annotated[str | None, typer.Argument(help="Default every month.", autocompletion=complete.months)] = None,
) -> None:
    """Where everything stands: files, runs, drafts, issued, sent, parked, suspended."""
    from flows.ask.status import status

    shared: Globals = context.obj
    if month is not None:
        month_start(month)
    with shared.store("status") as store:
        report = status(store, shared.settings, month, today=shared.day)
    tell(shared, report)


def doctor_command(
    context: typer.Context,
    deep: Annotated[bool, typer.Option("--deep", help="Each block of the database, each kept content.")] = False,
    mend: Annotated[bool, typer.Option("--mend", help="Put back what the home holds elsewhere too.")] = False,
) -> None:
    """Is this machine and this home in order? Each check with its remedy."""
    from flows.ask.doctor import doctor

    shared: Globals = context.obj
    if shared.accept_loss is not None and not mend:
        raise WrongUsage("--accept-loss: doctor alone changes nothing; `tollbook --accept-loss REASON publish`")
    if not shared.home.settings_file.exists():
        tell(shared, doctor(shared.home, deep=deep, today=shared.day, clock=shared.now.date()))
    # A home at work may look damaged in the middle of a write: so the lock is taken, or it is said that it was not.
    with shared.lock_if_free("doctor") as is_free:
        if mend:
            _mend(shared, is_free=is_free)
        report = doctor(shared.home, deep=deep, today=shared.day, clock=shared.now.date())
    notes = [] if is_free else ["another Tollbook is at work in this home: what it writes just now may look damaged"]
    tell(shared, report, notes)


def _mend(shared: Globals, *, is_free: bool) -> None:
    from flows.home.stand import must_exist
    from flows.home.store import Store
    from flows.issue.mend import mend

    if not is_free:
        raise Refused("another Tollbook is at work in this home: nothing was mended. Wait for it to end.")
    shared.accept_what_is_lost()
    if not shared.home.database.exists():
        must_exist(shared.home)
        say("there was nothing to mend")
        return
    with Store(shared.home, shared.settings.run.memory_limit_mb, whatever_is_left=True) as store:
        for done in mend(store, shared.by, shared.now) or ["there was nothing to mend"]:
            say(done)


def schema_command(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="settings, catalog, document, deck, or a feed.", autocompletion=complete.shapes)
    ],
) -> None:
    """Print the shape of something: JSON Schema of settings, catalog, document; columns of a deck or feed."""
    from schemas.feeds import FEEDS

    shared: Globals = context.obj
    if name in ("settings", "catalog", "document"):
        typer.echo(json.dumps(_model(name).model_json_schema(), indent=2, ensure_ascii=False))
        return
    if name == "deck":
        tell(shared, _deck_columns())
    if name not in FEEDS:
        raise WrongUsage(f"found {name!r}; expected settings, catalog, document, deck or a feed: {', '.join(FEEDS)}")
    tell(shared, _feed_columns(name))


def _model(name: str) -> type["BaseModel"]:
    from flows.home.settings import Settings
    from schemas.catalog import Catalog
    from schemas.document import Document

    models: dict[str, type[BaseModel]] = {"settings": Settings, "catalog": Catalog, "document": Document}
    return models[name]


def _deck_columns() -> Facts:
    from schemas.catalog import DECK_COLUMNS

    columns: list[dict[str, Any]] = [
        {"name": column, "required": default is None, "default": default} for column, default in DECK_COLUMNS.items()
    ]
    return Facts(
        columns, [f"{c['name']}{'*' if c['required'] else ''}  {c['default'] or ''}".rstrip() for c in columns]
    )


def _feed_columns(name: str) -> Facts:
    from schemas.feeds import FEEDS

    feed = FEEDS[name]
    columns = [
        {"name": c.name, "required": c.required, "type": c.kind, "choices": list(c.choices), "meaning": c.meaning}
        for c in feed.columns
    ]
    lines = [
        f"{c.name + ('*' if c.required else ''):22} {c.kind:9} {c.meaning}"
        + (f" ({', '.join(c.choices)})" if c.choices else "")
        for c in feed.columns
    ]
    return Facts(columns, lines + [f"exactly one of {a} and {b}" for a, b in feed.one_of])


def check_command(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Check files; default HOME/checks/*.yaml.")] = None,
) -> None:
    """Run check files: priced cases, on the code that bills. Needs no home."""
    from flows.ask.check import check_files

    shared: Globals = context.obj
    outcomes = check_files(files or [], shared.home)
    for outcome in outcomes:
        show(shared, outcome)
    failed = sum(outcome.incomplete for outcome in outcomes)
    summary = f"{len(outcomes) - failed} passed, {failed} failed"
    (say if shared.is_json else typer.echo)(summary)
    finish(incomplete=bool(failed))
