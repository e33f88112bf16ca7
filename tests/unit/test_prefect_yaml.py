"""prefect.yaml names the deployments that `tollbook serve` registers, in keys that Prefect knows: it passes over others
without a word."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "": {"name", "prefect-version", "pull", "definitions", "deployments"},
    "deployment": {
        "name", "description", "entrypoint", "tags", "work_pool", "concurrency_limit", "schedules", "parameters"
    },
    "schedule": {"cron", "timezone", "slug", "parameters"},
    "concurrency_limit": {"limit", "collision_strategy"},
}  # fmt: skip


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    return found


def test_it_is_what_prefect_reads(declared: dict[str, Any]) -> None:
    from prefect.cli.deploy._models import PrefectYamlModel

    assert len(PrefectYamlModel.model_validate(declared).deployments) == 6
    assert set(declared) <= ALLOWED[""]
    for deployment in declared["deployments"]:
        assert set(deployment) <= ALLOWED["deployment"], deployment["name"]
        assert set(deployment["concurrency_limit"]) <= ALLOWED["concurrency_limit"]
        for schedule in deployment.get("schedules", []):
            assert set(schedule) <= ALLOWED["schedule"]


def test_it_names_the_flows_and_hours_that_serve_registers(declared: dict[str, Any]) -> None:
    from flows.home.serve_settings import ServeSettings
    from flows.prefect_flow import plans

    class Home:
        serve = ServeSettings()

    served = {plan.name: plan for plan in plans(Home())}  # type: ignore[arg-type]
    assert [row["name"] for row in declared["deployments"]] == list(served)
    for row in declared["deployments"]:
        module, _, name = row["entrypoint"].partition(":")
        plan = served[row["name"]]
        assert getattr(import_module(module.removesuffix(".py").replace("/", ".")), name) is plan.flow
        assert {schedule["cron"] for schedule in row.get("schedules", [])} == ({plan.cron} if plan.cron else set())
        assert row["description"] == plan.description
        for schedule in row.get("schedules", []):
            assert schedule.get("parameters", {}) == ({"zone": schedule["timezone"]} if plan.by_zone else {})
