"""What the control plane says is wrong at this moment: what it could not do as applied, and what Envoys refuse."""

import asyncio
import http.client
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from localmesh.telemetry.kube import Server
from localmesh.telemetry.rules import Trouble

FINDINGS = "/debug/findings"
TIMEOUT_S = 5.0
MAX_SHOWN = 20


class FindingsError(Exception):
    """The control plane does not say; the text says why."""


async def ask(kubeconfig: Path) -> list[Trouble]:
    """Return what is wrong. Raises FindingsError."""
    return await asyncio.to_thread(_ask, kubeconfig)


def _ask(kubeconfig: Path) -> list[Trouble]:
    try:
        with Server.of(kubeconfig).open(FINDINGS, TIMEOUT_S) as answer:
            return troubles(json.load(answer))
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        raise FindingsError(f"{FINDINGS}: {error}") from error


def troubles(findings: Iterable[Mapping[str, str]]) -> list[Trouble]:
    """Return findings as the banner shows them: first what is left out, then what analysis only wonders about."""
    unordered = [_trouble(finding) for finding in findings]
    return sorted(unordered, key=lambda trouble: trouble.level != "error")[:MAX_SHOWN]


def _trouble(finding: Mapping[str, str]) -> Trouble:
    kind, name, namespace = finding["kind"], finding["name"], finding["namespace"]
    level = "warning" if finding["code"] else "error"
    text = f"{kind} {name}.{namespace}: {finding['message']}"
    return Trouble(level, text, f"kubectl describe {kind.lower()} {name} -n {namespace}")
