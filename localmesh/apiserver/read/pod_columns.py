"""What `kubectl get pods` says of a pod: Kubernetes' `printPod`, without init containers, which are not run."""

from collections.abc import Iterator
from datetime import UTC, datetime

from localmesh.apiserver.read.ages import age
from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.pods import is_ready, is_terminating


def ready(pod: Object) -> str:
    """Return ready and all containers, `2/2`."""
    count = sum(bool(status.get("ready")) for status in _statuses(pod))
    return f"{count}/{len(pod['spec'].get('containers', []))}"


def phase(pod: Object) -> str:
    """Return the word under STATUS: the phase, or what its containers know better."""
    status = pod.get("status", {})
    word: str = status.get("reason") or status.get("phase", "Pending")
    for reason in _reasons(pod):
        word = reason
    # One container has completed and another one runs.
    if word == "Completed" and any("running" in known.get("state", {}) for known in _statuses(pod)):
        word = "Running" if is_ready(pod) else "NotReady"
    return "Terminating" if is_terminating(pod) else word


def restarts(pod: Object, at: datetime | None = None) -> str:
    """Return how often containers were started anew, and when last: `3 (20s ago)`."""
    count = sum(status.get("restartCount", 0) for status in _statuses(pod))
    ends = [
        status["lastState"]["terminated"].get("finishedAt")
        for status in _statuses(pod)
        if "terminated" in (status.get("lastState") or {})
    ]
    last = max(filter(None, ends), default=None)
    return f"{count} ({age(last, at or datetime.now(UTC))} ago)" if count and last else str(count)


def _statuses(pod: Object) -> list[Object]:
    statuses: list[Object] = pod.get("status", {}).get("containerStatuses") or []
    return statuses


def _reasons(pod: Object) -> Iterator[str]:
    """Yield what each container says, the last first: kubectl shows the first container that has something to say."""
    for status in reversed(_statuses(pod)):
        state = status.get("state", {})
        if state.get("waiting", {}).get("reason"):
            yield state["waiting"]["reason"]
        elif "terminated" in state:
            yield _ended(state["terminated"])


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"
