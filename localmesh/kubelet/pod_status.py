"""A pod's status, computed from its containers' as the kubelet does (`kubelet_pods.go`)."""

from collections.abc import Sequence

from localmesh.core.loopback import LOOPBACK
from localmesh.core.objects import Object
from localmesh.kinds.injection import sidecars_of
from localmesh.kinds.kubernetes.pods import condition_of, status_of
from localmesh.kubelet.states import ContainerStatus, Terminated, Waiting
from localmesh.store.objects import now


def pod_status(pod: Object, containers: Sequence[ContainerStatus], *, is_over: bool) -> Object:
    """Return the pod's new status; `is_over` says that no container will run again."""
    phase = _outcome(pod, containers) if is_over else _phase(containers)
    return {
        "phase": phase,
        "conditions": _conditions(pod, containers, phase),
        "hostIP": LOOPBACK,
        "hostIPs": [{"ip": LOOPBACK}],
        "podIP": LOOPBACK,
        "podIPs": [{"ip": LOOPBACK}],
        "startTime": status_of(pod).get("startTime") or now(),
        "containerStatuses": [
            container.to_json() for container in sorted(containers, key=lambda container: container.name)
        ],
    }


def _outcome(pod: Object, containers: Sequence[ContainerStatus]) -> str:
    """Return the last phase: how a sidecar ended, which is told to, does not count."""
    states = [container.state for container in containers if container.name not in sidecars_of(pod)]
    codes = [state.exit_code for state in states if isinstance(state, Terminated)]
    return "Failed" if any(codes) or not codes else "Succeeded"


def _phase(containers: Sequence[ContainerStatus]) -> str:
    never_ran = any(isinstance(container.state, Waiting) and container.last is None for container in containers)
    return "Pending" if never_ran else "Running"


def _conditions(pod: Object, containers: Sequence[ContainerStatus], phase: str) -> list[Object]:
    ready: Object = {"status": "True"}
    unready = [container.name for container in containers if not container.is_ready]
    if phase in ("Succeeded", "Failed"):
        ready = {"status": "False", "reason": "PodCompleted" if phase == "Succeeded" else "PodFailed"}
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        ready = {"status": "False", "reason": "ContainersNotReady", "message": message}
    yes: Object = {"status": "True"}
    conditions = {
        "PodReadyToStartContainers": yes,
        "Initialized": yes,
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": yes,
    }
    return [_with_time(pod, {"type": type_} | condition) for type_, condition in conditions.items()]


def _with_time(pod: Object, condition: Object) -> Object:
    before = condition_of(pod, condition["type"])
    unchanged = before if before and before.get("status") == condition["status"] else {}
    return condition | {"lastTransitionTime": unchanged.get("lastTransitionTime") or now()}
