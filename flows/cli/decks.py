"""`tollbook deck`: is a deck in order, and what would a new one change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from flows.cli import complete
from flows.cli.base import Facts, Globals, say, tell
from flows.home.deck_formats import DeckFormat
from schemas.counts import count_of
from schemas.errors import WrongUsage
from schemas.periods import month_of, month_start, shift_month

if TYPE_CHECKING:
    from flows.decks.deck_file import DeckFile
    from flows.decks.money import Money
    from flows.home.file_settings import DeckSettings
    from flows.home.settings import Settings

Format = Annotated[str | None, typer.Option("--format", help="Layout of a file: " + ", ".join(get_args(DeckFormat)))]
Like = Annotated[
    str | None,
    typer.Option(
        "--like", help="Read a file as this deck of tollbook.toml is declared.", autocompletion=complete.decks
    ),
]
Currency = Annotated[str | None, typer.Option("--currency", help="Currency of a file.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    decks = typer.Typer(help="Rate decks: check one, compare two.", no_args_is_help=True)
    decks.command("check")(check_command)
    decks.command("diff")(diff_command)
    decks.command("try")(try_command)
    app.add_typer(decks, name="deck")


def check_command(
    context: typer.Context,
    deck: Annotated[
        str | None,
        typer.Argument(help="A deck of tollbook.toml or a file; default every deck.", autocompletion=complete.decks),
    ] = None,
    layout: Format = None,
    like: Like = None,
    currency: Currency = None,
) -> None:
    """Read decks as a run would, and say what they hold, what was left out, and where a prefix has a gap."""
    from flows.decks.look import look, look_lines
    from flows.decks.report import facts

    shared: Globals = context.obj
    settings = _settings(shared)
    named = [deck] if deck else list(settings.decks if settings else [])
    if not named:
        raise WrongUsage("no deck is declared in tollbook.toml; name a file")
    decks = [_deck(shared, settings, name, layout, like, currency) for name in named]
    checked = [{**facts(deck, shared.day), **look(deck, shared.day)} for deck in decks]
    for deck_facts in checked:
        for warning in (*deck_facts["skipped"], *deck_facts["gaps"]):
            say(f"{deck_facts['deck']}: {warning}")
    lines = []
    for row in checked:
        held = f"{count_of(row['rows'], 'row')}, {count_of(row['prefixes'], 'prefix', 'prefixes')}"
        lacks = f"{count_of(len(row['skipped']), 'line')} left out, {count_of(len(row['gaps']), 'gap')}"
        lines.append(f"{row['deck']}: {held}, {row['in_force']} in force today, in {row['currency']}; {lacks}")
        lines += look_lines(row, row["currency"])
    tell(shared, Facts(checked, lines))


def diff_command(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A deck of tollbook.toml, or a file.", autocompletion=complete.decks)],
    new: Annotated[str, typer.Argument(help="A deck of tollbook.toml, or a file.", autocompletion=complete.decks)],
    layout: Format = None,
    like: Like = None,
    currency: Currency = None,
    month: Annotated[str | None, typer.Option(help="Usage month to rate again; default the last one.")] = None,
    usage_of: Annotated[str | None, typer.Option(help="Deck whose rated usage counts; default OLD or NEW.")] = None,
) -> None:
    """Show increases, decreases, new and closed prefixes, and the money they would have moved last month."""
    from flows.decks.difference import DeckDifference
    from flows.decks.report import diff

    shared: Globals = context.obj
    settings = _settings(shared)
    declared = settings.decks if settings else {}
    currency = currency or next((declared[name].currency for name in (old, new) if name in declared), None)
    before, after = (_deck(shared, settings, given, layout, like, currency) for given in (old, new))
    if before.currency != after.currency:
        raise WrongUsage(f"{old} is in {before.currency}, {new} in {after.currency}: nothing is converted")
    month = month or shift_month(month_of(shared.day), -1)
    month_start(month)
    counts, changes = diff(before, after, shared.day)
    priced_by = usage_of or next((name for name in (old, new) if name in declared), None)
    money = _money(shared, settings, before, after, month, priced_by)
    tell(shared, DeckDifference(old, new, before.currency, counts, changes, money))


def try_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A carrier's sheet: CSV or a workbook.")],
    layout: Format = None,
    like: Like = None,
    currency: Currency = None,
) -> None:
    """Try every layout on a price sheet, show rows as understood, and print the settings to paste. Needs no home."""
    from flows.ask.deck_try import try_deck

    shared: Globals = context.obj
    settings = _settings(shared) if like else None
    declared = _like(settings, like)
    _known_layout(layout)
    taken = _deck_names(shared)
    tell(shared, try_deck(file, shared.day, layout=layout, like=declared, currency=currency, taken=taken))


def _deck_names(shared: Globals) -> list[str]:
    """Names that the home's settings have for decks already; none where they cannot be read."""
    try:
        settings = _settings(shared)
    except WrongUsage:
        return []
    return [*settings.decks] if settings else []


def _like(settings: "Settings | None", like: str | None) -> "DeckSettings | None":
    declared = settings.decks if settings else {}
    if like is not None and like not in declared:
        raise WrongUsage(f"--like: found {like!r}; expected a deck of tollbook.toml: {', '.join(declared) or 'none'}")
    return declared[like] if like is not None else None


def _known_layout(layout: str | None) -> None:
    if layout is not None and layout not in get_args(DeckFormat):
        raise WrongUsage(f"--format: found {layout!r}; expected one of {', '.join(get_args(DeckFormat))}")


def _settings(shared: Globals) -> "Settings | None":
    """The home's settings; files alone can be compared without a home."""
    return shared.settings if shared.home.settings_file.exists() else None


def _deck(
    shared: Globals, settings: "Settings | None", given: str, layout: str | None, like: str | None, currency: str | None
) -> "DeckFile":
    """A deck by its name in tollbook.toml, or a file. Raises WrongUsage for what is neither, or cannot be used."""
    from flows.decks.deck_file import read_deck
    from flows.home.file_settings import DeckSettings

    declared = settings.decks if settings else {}
    if given in declared:
        path = shared.home.rates / declared[given].file
        return read_deck(_content(path), shared.home.relative(path), given, declared[given])
    path = Path(given)
    like_that = _like(settings, like)
    _known_layout(layout)
    if like_that is not None:
        said = like_that.model_copy(update={"format": layout} if layout else {})
    else:
        said = DeckSettings.model_validate(
            {"file": given, "currency": currency or "XXX", "format": layout or "tollbook"}
        )
    return read_deck(_content(path), given, path.stem.replace("~", "-"), said)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise WrongUsage(f"{path}: neither a deck of tollbook.toml nor a file that can be read") from None


def _money(
    shared: Globals, settings: "Settings | None", old: "DeckFile", new: "DeckFile", month: str, deck: str | None
) -> "Money | None":
    """The month's usage at both decks, or None where there is no home, no deck in it or no usage of it."""
    from flows.decks.money import moved, rated_with

    if settings is None or deck is None or not shared.home.database.exists():
        return None
    if deck not in settings.decks:
        raise WrongUsage(f"--usage-of: found {deck!r}; expected a deck of tollbook.toml")
    with shared.store("deck diff") as store:
        usage = rated_with(store, deck, month)
    if usage.is_empty():
        say(f"no rated usage of deck {deck} in {month}: no money to compare")
        return None
    return moved(usage, old, new, month, shared.day)
