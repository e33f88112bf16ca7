"""`tollbook deck`: is a deck in order, and what would a new one change."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from flows.cli.base import Globals, give, say
from flows.decks.deck_file import DeckFile, read_deck
from flows.decks.money import Key, Money, Moved, moved, rated_with
from flows.decks.report import Change, diff, facts
from flows.home.file_settings import DeckFormat, DeckSettings
from flows.home.settings import Settings, load_settings
from flows.home.store import Store
from schemas.errors import WrongUsage
from schemas.periods import month_of, month_start, shift_month

decks = typer.Typer(help="Rate decks: check one, compare two.", no_args_is_help=True)

Format = Annotated[str | None, typer.Option("--format", help="Layout of a file: " + ", ".join(get_args(DeckFormat)))]
Like = Annotated[str | None, typer.Option("--like", help="Read a file as this deck of tollbook.toml is declared.")]
Currency = Annotated[str | None, typer.Option("--currency", help="Currency of a file.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.add_typer(decks, name="deck")


@decks.command("check")
def check_command(
    context: typer.Context,
    deck: Annotated[str | None, typer.Argument(help="A deck of tollbook.toml or a file; default every deck.")] = None,
    layout: Format = None,
    like: Like = None,
    currency: Currency = None,
) -> None:
    """Read decks as a run would, and say what they hold, what was left out, and where a prefix has a gap."""
    shared: Globals = context.obj
    settings = _settings(shared)
    named = [deck] if deck else list(settings.decks if settings else [])
    if not named:
        raise WrongUsage("no deck is declared in tollbook.toml; name a file")
    today = shared.today or shared.now.date()
    found = [facts(_deck(shared, settings, name, layout, like, currency), today) for name in named]
    for told in found:
        for warning in (*told["skipped"], *told["gaps"]):
            say(f"{told['deck']}: {warning}")
    line = "{deck}: {rows} rows, {prefixes} prefixes, {in_force} in force today, in {currency}; "
    line += "{skipped_lines} lines left out, {gap_count} gaps"
    give(
        shared,
        found,
        [line.format(**told, skipped_lines=len(told["skipped"]), gap_count=len(told["gaps"])) for told in found],
    )


@decks.command("diff")
def diff_command(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A deck of tollbook.toml, or a file.")],
    new: Annotated[str, typer.Argument(help="A deck of tollbook.toml, or a file.")],
    layout: Format = None,
    like: Like = None,
    currency: Currency = None,
    month: Annotated[str | None, typer.Option(help="Usage month to rate again; default the last one.")] = None,
    usage_of: Annotated[str | None, typer.Option(help="Deck whose rated usage counts; default OLD or NEW.")] = None,
) -> None:
    """Show increases, decreases, new and closed prefixes, and the money they would have moved last month."""
    shared: Globals = context.obj
    settings = _settings(shared)
    today = shared.today or shared.now.date()
    declared = settings.decks if settings else {}
    currency = currency or next((declared[name].currency for name in (old, new) if name in declared), None)
    before, after = (_deck(shared, settings, given, layout, like, currency) for given in (old, new))
    if before.currency != after.currency:
        raise WrongUsage(f"{old} is in {before.currency}, {new} in {after.currency}: nothing is converted")
    month = month or shift_month(month_of(today), -1)
    month_start(month)
    counts, changes = diff(before, after, today)
    priced_by = usage_of or next((name for name in (old, new) if name in declared), None)
    money = _money(shared, settings, before, after, month, today, priced_by)
    data = {
        "old": old,
        "new": new,
        "currency": before.currency,
        "counts": counts,
        "changes": [_as_data(change, money) for change in changes],
        "money": _money_data(money),
    }
    give(shared, data, _lines(old, new, counts, changes, money))


def _settings(shared: Globals) -> Settings | None:
    """The home's settings; files alone can be compared without a home."""
    return load_settings(shared.home) if shared.home.settings_file.exists() else None


def _deck(
    shared: Globals, settings: Settings | None, given: str, layout: str | None, like: str | None, currency: str | None
) -> DeckFile:
    """A deck by its name in tollbook.toml, or a file. Raises WrongUsage for what is neither, or cannot be used."""
    declared = settings.decks if settings else {}
    if given in declared:
        path = shared.home.rates / declared[given].file
        return read_deck(_content(path), shared.home.relative(path), given, declared[given])
    path = Path(given)
    if like is not None and like not in declared:
        raise WrongUsage(f"--like: found {like!r}; expected a deck of tollbook.toml: {', '.join(declared) or 'none'}")
    if layout is not None and layout not in get_args(DeckFormat):
        raise WrongUsage(f"--format: found {layout!r}; expected one of {', '.join(get_args(DeckFormat))}")
    if like is not None:
        said = declared[like].model_copy(update={"format": layout} if layout else {})
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
    shared: Globals, settings: Settings | None, old: DeckFile, new: DeckFile, month: str, today: date, deck: str | None
) -> Money | None:
    """The month's usage at both decks, or None where there is no home, no deck in it or no usage of it."""
    if settings is None or deck is None or not shared.home.database.exists():
        return None
    if deck not in settings.decks:
        raise WrongUsage(f"--usage-of: found {deck!r}; expected a deck of tollbook.toml")
    with shared.locked("deck diff"), Store(shared.home, settings.run.memory_limit_mb) as store:
        usage = rated_with(store, deck, month)
    if usage.is_empty():
        say(f"no rated usage of deck {deck} in {month}: no money to compare")
        return None
    return moved(usage, old, new, month, today)


def _as_data(change: Change, money: Money | None) -> dict[str, Any]:
    found = money.by_key.get(change.key) if money else None
    return {**change.__dict__, "usage": _moved_data(money, found or Moved()) if money else None}


def _moved_data(money: Money, found: Moved) -> dict[str, Any]:
    """Amounts at the currency's decimals, each rounded once from its exact sum."""
    amounts = {"old_amount": found.old, "new_amount": found.new, "moved": found.new - found.old}
    return {"calls": found.calls, **{name: money.shown(amount) for name, amount in amounts.items()}}


def _money_data(money: Money | None) -> dict[str, Any] | None:
    if money is None:
        return None
    unrated = _moved_data(money, money.unrated)
    return {
        "usage_month": money.month,
        "currency": money.currency,
        **_moved_data(money, money.total),
        "unrated_calls": unrated["calls"],
        "unrated_old_amount": unrated["old_amount"],
    }


def _lines(old: str, new: str, counts: dict[str, int], changes: list[Change], money: Money | None) -> list[str]:
    lines = [f"{old} -> {new}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())]
    lines += [_line(change, money) for change in changes]
    if money is not None:
        told = _moved_data(money, money.total)
        lines.append(
            f"usage of {money.month}: {told['calls']} calls, {told['old_amount']} -> {told['new_amount']} "
            f"{money.currency}, {told['moved']:+}"
        )
        if money.unrated.calls:
            worth = money.shown(money.unrated.old)
            lines.append(f"{money.unrated.calls} calls, {worth} {money.currency}, would have no rate in {new}")
    return lines


def _line(change: Change, money: Money | None) -> str:
    key: Key = change.key
    where = " ".join(filter(None, [change.prefix, change.jurisdiction, change.destination]))
    prices = " -> ".join(
        f"{price.normalize():f} per {per} s" if price is not None else "-"
        for price, per in ((change.old_price, change.old_per), (change.new_price, change.new_per))
    )
    percent = f" ({change.percent:+} %)" if change.percent is not None else ""
    since = f" from {change.effective}" if change.effective else ""
    used = money.by_key.get(key) if money else None
    moved_by = f"; {used.calls} calls, {money.shown(used.new - used.old):+} {money.currency}" if money and used else ""
    return f"{change.kind} {where}: {prices}{percent}{since}{moved_by}"
