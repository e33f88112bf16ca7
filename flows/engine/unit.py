"""What a worker does with a unit."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.errors import TollbookError


@dataclass(frozen=True)
class Failed:
    """What a unit raised. It travels as a value: a cluster would write traceback and arguments into its logs."""

    error: Exception


def done(work: Callable[[Any], Any], unit: Any) -> Any:
    """`work` of a unit: its result, or Failed."""
    try:
        return work(unit)
    except TollbookError as error:
        return Failed(error.with_traceback(None))
    except Exception as error:  # noqa: BLE001 raised again where the unit came from
        error.add_note(f"in a worker:\n{traceback.format_exc()}")
        return Failed(error.with_traceback(None))
