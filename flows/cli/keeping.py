"""Commands that keep a home: backup, restore, upgrade."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.base import Facts, Globals, tell
from schemas.errors import NothingToDo, WrongUsage


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("backup")(backup_command)
    app.command("restore")(restore_command)
    app.command("upgrade")(upgrade_command)


def backup_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file, best on another disk.")],
    inbox: Annotated[bool, typer.Option("--inbox", help="With inbox/; store/ holds what was taken in anyway.")] = False,
    since: Annotated[Path | None, typer.Option(help="An earlier back-up: only what it does not hold.")] = None,
) -> None:
    """Write the whole home into one file, each content once, and read it back."""
    from flows.books.backup import back_up
    from flows.books.kept_files import read_every_block
    from flows.home.stand import must_exist
    from flows.home.store import Store

    shared: Globals = context.obj
    with shared.locked("backup"):
        if shared.home.database.exists():
            # Opened once, so that it is known to be whole and the newest, and its log is folded into it.
            with Store(shared.home, shared.settings.run.memory_limit_mb) as store:
                store.checkpoint()
                read_every_block(store)
        else:
            must_exist(shared.home)
        report = back_up(shared.home, file, inbox=inbox, since=since)
    tell(shared, report)


def restore_command(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="What `tollbook backup FILE` wrote.")] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Without a back-up: what store/ and the journal still tell.")
    ] = False,
) -> None:
    """Put a home back as it was backed up: whole or not at all, the former one beside it."""
    from flows.books.restore import is_home, restore
    from flows.home.lock import locked

    shared: Globals = context.obj
    lock = locked(shared.home, "restore", shared.by, shared.now, take_over=shared.take_over)
    if (file is None) != from_store:
        raise WrongUsage("restore: expected FILE, or --from-store where there is no back-up")
    with lock if is_home(shared.home) else nullcontext():
        if file is None:
            from flows.undo.rebuild import rebuild

            tell(shared, rebuild(shared.home, by=shared.by, now=shared.now))
        report = restore(shared.home, file, reason=shared.accept_loss, by=shared.by, now=shared.now)
    tell(shared, report)


def upgrade_command(context: typer.Context) -> None:
    """Bring the database of an older version to this one; every other command does it too."""
    from flows.home.schema import SCHEMA_VERSION
    from flows.home.stand import must_exist
    from flows.home.store import version_of

    shared: Globals = context.obj
    shared.must_be_home()
    before = version_of(shared.home)
    if before is None:
        must_exist(shared.home)
        raise NothingToDo("there is no tollbook.duckdb yet: the first `tollbook ingest` makes it as this program does.")
    if before == SCHEMA_VERSION:
        raise NothingToDo(f"tollbook.duckdb is of schema version {SCHEMA_VERSION}, as this program writes it.")
    with shared.store("upgrade") as store:
        kept = store.home.relative(store.home.before_upgrade(before))
    said = f"tollbook.duckdb brought from schema version {before} to {SCHEMA_VERSION}; as it was: {kept}"
    tell(shared, Facts({"before": before, "after": SCHEMA_VERSION, "former": kept}, [said]))
