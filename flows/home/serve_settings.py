"""[serve] of tollbook.toml: when Prefect does what by itself (`tollbook serve`)."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from flows.home.file_settings import Table

_CRON_FIELD = r"[0-9A-Za-z*/,#?-]+"


def _cron(text: str) -> str:
    if text and not re.fullmatch(rf"{_CRON_FIELD}( {_CRON_FIELD}){{4}}", text):
        raise ValueError('expected five fields of cron, such as "0 6 1 * *", or "" for never by itself')
    return text


Cron = Annotated[str, AfterValidator(_cron)]

Scheduled = Literal["ingest-daily", "bill-month", "send-month"]
"""Deployments that start by themselves."""


class ServeSettings(Table):
    """[serve]: when Prefect does what by itself, in the zone of each seller, which no change of its clocks moves."""

    ingest: Cron = Field("0 5 * * *", examples=["0 5 * * *"])
    """When new files are taken in: minute, hour, day, month, weekday; "" for never by itself."""
    rate_daily: bool = Field(False, examples=[True])
    """Whether usage of the month is then rated too, as far as it has come: the run on the 1st has the rest left."""
    bill: Cron = Field("0 6 1 * *", examples=["0 6 1 * *"])
    """When the month is run."""
    send: Cron = Field("0 9 1-5 * *", examples=["0 9 1-5 * *"])
    """When what is issued is mailed; each day of the window, so that what failed is tried again."""
    paused: list[Scheduled] = Field(default_factory=list, examples=[["send-month"]])
    """Deployments whose schedules stay paused; a pause that is only set in Prefect's pages ends with the next start."""
    notify: str | None = Field(None, pattern="^[a-z0-9-]+/[a-z0-9-]+$", examples=["slack-webhook/billing"])
    """A notification block of Prefect, type/name, that is told when a month waits for its approval or is not sent."""
    port: int = Field(4200, ge=1024, le=65535, examples=[4200])
    """Of the server of our own, where PREFECT_API_URL names none; for this machine only."""
