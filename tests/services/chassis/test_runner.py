"""A service's process, with what would serve it taken away."""

import gc
import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI

from services.catalog.settings import Settings
from services.chassis import early, runner
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry
from tests.services.processes import SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_runs_and_complains_under_its_own_name(
    service: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, name = importlib.import_module(f"services.{service}.__main__"), service.rpartition(".")[2]
    runs: list[tuple[str, Any, Any]] = []
    monkeypatch.setattr(module, "prepare", lambda: None)
    monkeypatch.setattr(runner, "run", lambda *asked: runs.append(asked))
    module.main()
    ((title, settings, create_app),) = runs
    assert (title, create_app(settings).title) == (name, name)
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SystemExit):
        module.main()
    assert capsys.readouterr().err.startswith(f"{name}: bad environment: PORT='x'")


def test_an_app_is_made_served_and_left_and_its_last_spans_get_the_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did: list[object] = []
    settings, telemetry, app = Settings(log_level="warning"), SimpleNamespace(close=did.append), FastAPI()

    def create_app(settings: Settings, *, readiness: Readiness, telemetry: Telemetry) -> FastAPI:
        did.extend([settings, readiness, telemetry])
        return app

    def serve(*asked: object) -> float:
        did.extend(asked)
        return 3.5

    monkeypatch.setattr(runner, "logs", SimpleNamespace(configure=did.append))
    monkeypatch.setattr(runner, "from_settings", lambda *asked: did.extend(asked) or telemetry)
    collector = SimpleNamespace(
        freeze=lambda: did.append("frozen"),
        set_threshold=did.append,
        enable=lambda: did.append("collected from now on"),
    )
    monkeypatch.setattr(runner, "gc", collector)
    monkeypatch.setattr(runner, "serve", serve)
    runner.run("catalog", settings, create_app)
    readiness = did[4]
    assert isinstance(readiness, Readiness)
    asked = ["warning", settings, "catalog", settings, readiness, telemetry]
    collected = ["frozen", runner.YOUNG_OBJECTS, "collected from now on"]
    assert did == [*asked, *collected, app, settings, readiness, "catalog", 3.5]


def test_imports_are_not_held_up_by_the_collector_of_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "signal", SimpleNamespace(SIGTERM=0, SIGINT=0, signal=lambda *_: None))
    try:
        early.prepare()
        assert not gc.isenabled()
    finally:
        gc.enable()
