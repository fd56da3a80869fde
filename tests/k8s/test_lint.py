"""Linters of the files that are not Python."""

import subprocess
from pathlib import Path

import pytest

from tests.k8s.manifests import CHECKOUT, TOOLS

SCRIPTS = sorted(CHECKOUT.glob("bin/*.sh"))
DOCKERFILES = sorted([*CHECKOUT.glob("Dockerfile.*"), CHECKOUT / ".devcontainer" / "Dockerfile"])


def passes(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_yamllint_has_nothing_to_say() -> None:
    passes(TOOLS / "yamllint", "--strict", "k8s", "skaffold.yaml", ".yamllint.yaml")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    passes(TOOLS / "shellcheck", script)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    passes(TOOLS / "hadolint", dockerfile)
