"""What a key that nobody knows was probably meant to be."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel


def known_keys(model: type[BaseModel], keys: Sequence[Any]) -> list[str]:
    """The keys of the tables at `keys` below `model`; names, dates and places in lists between them are passed over."""
    here = [model]
    for key in keys:
        fields = [field for table in here for name, field in table.model_fields.items() if key in (name, field.alias)]
        if fields:
            here = [table for field in fields for table in _tables(field.annotation)]
    return sorted({field.alias or name for table in here for name, field in table.model_fields.items()})


def meant(model: type[BaseModel], keys: Sequence[Any]) -> str:
    """`did you mean columns?`, or what there is, of an unknown key at the end of `keys`."""
    known = known_keys(model, keys[:-1])
    near = get_close_matches(str(keys[-1]), known, n=1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model inside an annotation, as in dict[str, Model] | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _tables(part)
