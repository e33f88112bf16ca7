"""All tax tables: the law as dated data, one YAML file per tax and jurisdiction (data/reference/taxes/README.md).

`load_tables` reads and checks every file and names the file and key that are wrong. What a table says of itself is in
taxes/table.py; here is what only all of them together say: which ones reach a place, and which one waits for which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pydantic import ValidationError

from schemas.errors import WrongUsage
from schemas.reading import read_yaml
from taxes.charging import levels
from taxes.none import NoTax
from taxes.table import TAX_CODES, TaxTable

__all__ = ["TAX_CODES", "TaxTable", "TaxTables", "load_tables", "rate_percent"]


@dataclass(frozen=True)
class TaxTables:
    """Every table of a run, sorted by file name. No two of one code reach the same place, local layers excepted."""

    tables: tuple[TaxTable, ...]
    none: tuple[NoTax, ...] = ()
    """Places that are known to have nothing to know."""

    def region_without_table(self, place: str) -> str | None:
        """The region that `place` lies in, where no table names it and none is said to be known there; else None.

        What reaches the whole country is charged there all the same, which makes a region that nobody looked up look
        like one without a tax.
        """
        country, _, below = place.partition("-")
        region = below.partition("-")[0]
        named = {f"{table.country}-{name}" for table in self.tables for name in table.named_regions or ()}
        jurisdiction = f"{country}-{region}"
        if not region or jurisdiction in named or any(it.jurisdiction in (country, jurisdiction) for it in self.none):
            return None
        return jurisdiction

    def uncovered(self, place: str) -> str | None:
        """Why a line taxed at `place` cannot be taxed; None when it can. Silence is not a zero rate.

        Some table must reach the place. Where a national tax lists its regions (Canada's GST), the others are taxed
        by tables of their own (HST), so a tax must reach it; a recovery fee alone is not enough.
        """
        country, _, region = place.partition("-")
        if any(it.jurisdiction in (country, f"{country}-{region.partition('-')[0]}") for it in self.none):
            return None
        own = [t for t in self.tables if t.country == country]
        if not own:
            return f"no tax table for country {country or '(none)'}; check the address or add a table"
        if any(t.kind == "tax" and t.regions is not None for t in own):
            own = [t for t in own if t.kind == "tax"]
        if any(t.row_jurisdiction(place) is not None for t in own):
            return None
        named = sorted({name for t in own for name in t.named_regions or ()})
        return (
            f"no tax table for region {region or '(none)'} of {country}; check the address (known: {', '.join(named)})"
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
    none: list[NoTax] = []
    faults: list[str] = []
    for name in sorted(files):
        try:
            read = _checked(files[name], name, (shown or {}).get(name, name))
            if isinstance(read, NoTax):
                none.append(read)
            else:
                tables.append(read)
        except WrongUsage as error:
            faults.append(str(error))
    if faults:
        raise WrongUsage("\n".join(faults))
    _refuse_overlaps(tables)
    _refuse_denials(tables, none)
    all_tables = TaxTables(tuple(tables), tuple(none))
    levels(all_tables.tables)  # a circle is refused here, not in the middle of a run
    return all_tables


def _checked(text: str, name: str, shown: str) -> TaxTable | NoTax:
    read = read_yaml(text, shown, "numbers")
    if not isinstance(read.data, dict):
        raise WrongUsage(f"{shown}: expected a map with code, kind, name, values and so on")
    if "file" in read.data:
        raise WrongUsage(f"{shown}: file: unknown key")
    try:
        shape = NoTax if "none" in read.data else TaxTable
        return shape.model_validate({**read.data, "file": name})
    except ValidationError as error:
        raise WrongUsage("\n".join(read.fault(fault) for fault in error.errors())) from None


def _refuse_overlaps(tables: list[TaxTable]) -> None:
    """Two tables of one tax for one place would charge it twice. A local layer is charged beside its region's."""
    for index, table in enumerate(tables):
        for other in tables[index + 1 :]:
            if table.code != other.code or table.country != other.country or table.is_local != other.is_local:
                continue
            if twice := [place for place in _places(table, other) if _both_reach(table, other, place)]:
                raise WrongUsage(
                    f"{other.file}: {other.code} for {other.jurisdiction} is already given by {table.file}: an overlap "
                    f"in {', '.join(twice)}; override that file by its name, or take the place out of one of them"
                )


def _refuse_denials(tables: list[TaxTable], none: list[NoTax]) -> None:
    """A place that is said to have none, and has a table of its own."""
    for place in none:
        for table in tables:
            names = {f"{table.country}-{region}" for region in table.named_regions or ()} or {table.country}
            if place.jurisdiction in names:
                raise WrongUsage(
                    f"{place.file}: none: {place.jurisdiction} has a table, {table.file}; take one of the two out"
                )


def _places(table: TaxTable, other: TaxTable) -> list[str]:
    """Places that would show an overlap: the country, every region either names, every local layer."""
    regions = sorted((table.named_regions or frozenset()) | (other.named_regions or frozenset()))
    local = [layer.jurisdiction for layer in (table, other) if layer.is_local]
    return [table.country, *(f"{table.country}-{region}" for region in regions), *local]


def _both_reach(table: TaxTable, other: TaxTable, place: str) -> bool:
    return table.row_jurisdiction(place) is not None and other.row_jurisdiction(place) is not None
