"""Conditions to wait for."""

from localmesh.core.objects import Object

from .conftest import state


def phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase"))


def is_running(pod: Object) -> bool:
    return "running" in state(pod)
