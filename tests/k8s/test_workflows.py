"""The workflows do what the Makefile does, and nothing by themselves; the dev container can start the local mesh."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s.manifests import CHECKOUT, TOOLS

WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yaml"))
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
DEVCONTAINER = CHECKOUT / ".devcontainer"


def jobs(workflow: Path) -> dict[str, Any]:
    # A Loader that keeps `on` a string: in YAML 1.1 it is a truth value.
    found: dict[str, Any] = yaml.load(workflow.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    assert found["on"], workflow
    return dict(found["jobs"])


STEPS = [
    pytest.param(step, id=f"{workflow.stem}-{name}-{number}")
    for workflow in WORKFLOWS
    for name, job in jobs(workflow).items()
    for number, step in enumerate(job["steps"])
]
TARGETS = sorted({step.values[0]["run"].removeprefix("make ") for step in STEPS if "run" in step.values[0]})


def test_there_is_a_workflow_for_tests_and_one_for_releases() -> None:
    assert [workflow.stem for workflow in WORKFLOWS] == ["release", "test"]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_a_make_target_or_a_published_action(step: dict[str, Any]) -> None:
    assert ("run" in step) != ("uses" in step)
    if "run" in step:
        assert re.fullmatch(r"make [a-z-]+", step["run"]), step
    else:
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_a_workflow_makes_can_be_made_here(target: str) -> None:
    assert re.search(rf"(?m)^{target}:.*##", MAKEFILE)
    command = ["make", "--dry-run", "--always-make", target]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


def test_every_push_is_tested_on_the_oldest_python_that_is_promised() -> None:
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    matrix = jobs(CHECKOUT / ".github" / "workflows" / "test.yaml")["test"]["strategy"]["matrix"]["include"]
    assert oldest in {entry["python"] for entry in matrix}


def test_the_workflows_are_plain_yaml() -> None:
    command = [TOOLS / "yamllint", "-d", "{extends: relaxed, rules: {line-length: {max: 140}}}", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout


def test_the_dev_container_installs_and_starts_with_make_and_names_the_ports() -> None:
    container = json.loads((DEVCONTAINER / "devcontainer.json").read_text(encoding="utf-8"))
    made = re.findall(r"make ([a-z-]+)", container["postCreateCommand"] + container["postAttachCommand"])
    assert made == ["install", "up"]
    assert {str(port) for port in container["forwardPorts"]} == set(container["portsAttributes"])
    assert container["forwardPorts"][0] == 30000
    assert (DEVCONTAINER / container["build"]["dockerfile"]).exists()


def test_the_dev_container_has_the_tools_that_the_readme_asks_for() -> None:
    dockerfile = (DEVCONTAINER / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"(?m)^FROM python:3\.1[1-9]-slim$", dockerfile)
    for tool in ("make", "curl", "git", "jq", "chromium"):
        assert re.search(rf"\b{tool}\b", dockerfile), tool
