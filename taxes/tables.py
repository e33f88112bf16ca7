"""All tax tables: the law as dated data, one YAML file per tax and jurisdiction (data/reference/taxes/README.md).

`load_tables` reads and checks every file and names the file and key that are wrong. What a table says of itself is in
taxes/table.py; here is what only all of them together say: who reaches a place, and which has to wait for which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import WrongUsage
from taxes.table import TAX_CODES, TaxTable

__all__ = ["TAX_CODES", "TaxTable", "TaxTables", "load_tables", "rate_percent"]


@dataclass(frozen=True)
class TaxTables:
    """Every table of a run, sorted by file name. No two of one code reach the same place, but for local layers."""

    tables: tuple[TaxTable, ...]

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the tables, in the order in which they can be computed: those on others' amounts come later."""
        depth: dict[str, int] = {}
        waits = {code: {on for t in self.tables if t.code == code for on in t.base.also_on} for code in TAX_CODES}
        known = {t.code for t in self.tables}
        while len(depth) < len(waits):
            ready = [code for code in waits if code not in depth and all(on in depth for on in waits[code] & known)]
            if not ready:
                circle = ", ".join(sorted(set(waits) - set(depth)))
                raise WrongUsage(f"base.also_on: these taxes are charged on each other in a circle: {circle}")
            depth |= {code: 1 + max((depth[on] for on in waits[code] & known), default=-1) for code in ready}
        by_level = [[i for i, t in enumerate(self.tables) if depth[t.code] == level] for level in range(len(waits))]
        return tuple(tuple(level) for level in by_level if level)

    def uncovered(self, place: str) -> str | None:
        """Why a line taxed at `place` cannot be taxed; None when it can. Silence is not a zero rate.

        Some table must reach the place. Where a national tax lists its regions (Canada's GST), the others are taxed
        by tables of their own (HST), so a tax must reach it; a recovery fee alone is not enough.
        """
        country, _, region = place.partition("-")
        own = [t for t in self.tables if t.country == country]
        if not own:
            return f"no tax table for country {country or '(none)'}; check the address or add a table"
        if any(t.kind == "tax" and t.regions is not None for t in own):
            own = [t for t in own if t.kind == "tax"]
        if any(t.row_jurisdiction(place) is not None for t in own):
            return None
        known = sorted({name for t in own for name in t.named_regions or ()})
        return (
            f"no tax table for region {region or '(none)'} of {country}; check the address (known: {', '.join(known)})"
        )


def rate_percent(tables: TaxTables, country: str, region: str | None, tax_code: str, day: date) -> Decimal | None:
    """The rate of a tax at an address on a day, in percent; None when none is in force or known there."""
    place = f"{country}-{region}" if region else country
    for table in tables.tables:
        if table.code == tax_code and table.row_jurisdiction(place) is not None and not table.is_local:
            return table.percent(day) if table.unit == "percent_of_base" else None
    return None


def load_tables(files: Mapping[str, str], shown: Mapping[str, str] | None = None) -> TaxTables:
    """Tables from {relative name: YAML text}. Raises WrongUsage naming every wrong file and key.

    shown: relative name -> what messages call the file, where that is another (catalog/taxes/us/usf.yaml).
    """
    tables: list[TaxTable] = []
    faults: list[str] = []
    for name in sorted(files):
        told = (shown or {}).get(name, name)
        try:
            tables.append(TaxTable.model_validate({**_read(told, files[name]), "file": name}))
        except ValidationError as error:
            faults += [f"{told}: {_fault(one)}" for one in error.errors()]
        except WrongUsage as error:
            faults.append(str(error))
    if faults:
        raise WrongUsage("\n".join(faults))
    _refuse_overlaps(tables)
    found = TaxTables(tuple(tables))
    _ = found.levels  # a circle is refused here, not in the middle of a run
    return found


class _Loader(yaml.SafeLoader):
    """Leaves dates, NO and ON as text (Norway and Ontario are no booleans), keeps bare numbers as numbers."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("int", "float", "null")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key} is given twice", problem_mark=key_node.start_mark
                )
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


def _read(name: str, text: str) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with fewer types
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise WrongUsage(f"{name}{where}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(data, dict):
        raise WrongUsage(f"{name}: expected a map with code, kind, name, values and so on")
    if "file" in data:
        raise WrongUsage(f"{name}: file: unknown key")
    return data


def _fault(error: ErrorDetails) -> str:
    """One pydantic error as `key: what is wrong (found …)`."""
    key = ".".join(str(part) for part in error["loc"] if part != "[key]")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key"
    elif error["type"] == "missing":
        return f"{key}: missing"
    elif key == "unit":
        message = "expected percent_of_base or amount_per_line"
    found = error.get("input")
    shown = "" if isinstance(found, dict) else f" (found {found!r})"
    return f"{key}: {message}{shown}" if key else message


def _refuse_overlaps(tables: list[TaxTable]) -> None:
    """Two tables of one tax for one place would charge it twice. A local layer is charged beside its region's."""
    for index, one in enumerate(tables):
        for other in tables[index + 1 :]:
            if one.code != other.code or one.country != other.country or one.is_local != other.is_local:
                continue
            if twice := [place for place in _places(one, other) if _both_reach(one, other, place)]:
                raise WrongUsage(
                    f"{other.file}: {other.code} for {other.jurisdiction} is already given by {one.file}: an overlap "
                    f"in {', '.join(twice)}; override that file by its name, or take the place out of one of them"
                )


def _places(one: TaxTable, other: TaxTable) -> list[str]:
    """Places that would show an overlap: the country, every region either names, every local layer."""
    regions = sorted((one.named_regions or frozenset()) | (other.named_regions or frozenset()))
    local = [table.jurisdiction for table in (one, other) if table.is_local]
    return [one.country, *(f"{one.country}-{region}" for region in regions), *local]


def _both_reach(one: TaxTable, other: TaxTable, place: str) -> bool:
    return one.row_jurisdiction(place) is not None and other.row_jurisdiction(place) is not None
