"""The deployments of a home: which flows there are, when each starts by itself, in which zones, what it is given.

A schedule belongs to a seller zone and says so: six in the morning stays six in the morning when its clocks change.
"""

from dataclasses import dataclass
from typing import Any

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import Flow
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.home.settings import Home, Settings
from flows.scheduled.asked import zones_of
from schemas.errors import WrongUsage


@dataclass(frozen=True)
class Plan:
    """A deployment: its name, its flow, when it starts in each zone ("": on request only), what it is for."""

    name: str
    flow: Flow[..., Any]
    cron: str
    description: str
    by_zone: bool = True
    """Whether the zone decides what it does: then it starts in every zone; else in the first alone."""


def deployment_of(plan: Plan, home: Home, settings: Settings, suffix: str = "") -> RunnerDeployment:
    """What is registered: one run at a time, others wait their turn. Raises WrongUsage for what cron cannot read."""
    return RunnerDeployment.from_flow(
        plan.flow,
        name=plan.name + suffix,
        schedules=schedules_of(plan, settings),
        paused=plan.name in settings.serve.paused,
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        parameters={"home": str(home.root.resolve())},
        description=plan.description,
        tags=["tollbook", home.root.resolve().name],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def schedules_of(plan: Plan, settings: Settings) -> list[Schedule]:
    """A schedule per zone of a seller, with its zone as slug."""
    if not plan.cron:
        return []
    zones = zones_of(settings) if plan.by_zone else zones_of(settings)[:1]
    try:
        return [
            Cron(
                plan.cron,
                timezone=zone,
                slug=zone.lower().replace("/", "-").replace("_", "-"),
                parameters={"zone": zone} if plan.by_zone else {},
            )
            for zone in zones
        ]
    except ValueError as error:
        raise WrongUsage(f"tollbook.toml, [serve]: found {plan.cron!r} for {plan.name}: {error}") from None
