"""What a Deployment says of itself: counts and the conditions that `kubectl rollout status` and `wait` read.

Reasons and messages are those of Kubernetes' deployment controller (`progress.go`, `deployment_util.go`).
"""

from collections.abc import Sequence

from localmesh.controllers.clock import age
from localmesh.controllers.rollout import Bounds
from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.pods import condition_of
from localmesh.store.objects import now

COMPLETE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"


def next_status(deployment: Object, new: Object | None, owned: Sequence[Object]) -> Object:
    """Return the Deployment's status, given the ReplicaSet of its template and all that it owns."""
    counts = _counts(deployment, new, owned)
    failure = condition_of(new, "ReplicaFailure") if new else None
    conditions = [_available(deployment, counts), _progressing(deployment, new, counts), failure]
    kept = [_kept(deployment, condition) for condition in conditions if condition is not None]
    collisions = {"collisionCount": deployment.get("status", {}).get("collisionCount", 0)}
    shown = {name: value for name, value in (counts | collisions).items() if value}
    return {"observedGeneration": deployment["metadata"]["generation"]} | shown | {"conditions": kept}


def until_deadline(deployment: Object, status: Object) -> float | None:
    """Return in how many seconds a rollout without progress has failed, None when none is under way."""
    progressing = condition_of({"status": status}, "Progressing")
    if progressing is None or progressing.get("reason") in (COMPLETE, TIMED_OUT, "DeploymentPaused"):
        return None
    # A second more than the deadline: timestamps have no fractions.
    return max(1.0, _deadline(deployment) + 1 - age(progressing.get("lastUpdateTime")))


def _counts(deployment: Object, new: Object | None, owned: Sequence[Object]) -> dict[str, int]:
    statuses = [replica_set.get("status", {}) for replica_set in owned]
    available = sum(status.get("availableReplicas", 0) for status in statuses)
    total = sum(status.get("replicas", 0) for status in statuses)
    return {
        "replicas": total,
        "updatedReplicas": new.get("status", {}).get("replicas", 0) if new else 0,
        "readyReplicas": sum(status.get("readyReplicas", 0) for status in statuses),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(total, deployment["spec"]["replicas"]) - available),
    }


def _available(deployment: Object, counts: dict[str, int]) -> Object:
    is_recreated = deployment["spec"].get("strategy", {}).get("type") == "Recreate"
    allowed = 0 if is_recreated else Bounds.of(deployment).unavailable
    if counts["availableReplicas"] >= deployment["spec"]["replicas"] - allowed:
        return _condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    return _condition(
        "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    )


def _progressing(deployment: Object, new: Object | None, counts: dict[str, int]) -> Object | None:
    """Return the condition Progressing; the one before where nothing moved and time is left."""
    current = condition_of(deployment, "Progressing")
    if deployment["spec"].get("paused"):
        return _condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    if new is None:
        return current
    name = f'ReplicaSet "{new["metadata"]["name"]}"'
    moving = _condition("Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.")
    if _is_complete(deployment, counts):
        return _condition("Progressing", "True", COMPLETE, f"{name} has successfully progressed.")
    if current is None or _is_new_rollout(current, name):
        return moving
    if _moved(deployment.get("status", {}), counts):
        return moving | {"lastUpdateTime": now()}
    return _timed_out(deployment, current, name)


def _timed_out(deployment: Object, current: Object, name: str) -> Object:
    is_waiting = current.get("reason") not in (COMPLETE, TIMED_OUT)
    if is_waiting and age(current.get("lastUpdateTime")) > _deadline(deployment):
        return _condition("Progressing", "False", TIMED_OUT, f"{name} has timed out progressing.")
    return current


def _is_complete(deployment: Object, counts: dict[str, int]) -> bool:
    replicas: int = deployment["spec"]["replicas"]
    return replicas == counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"]


def _is_new_rollout(current: Object, name: str) -> bool:
    message: str = current.get("message", "")
    return not message.startswith(name)


def _moved(before: Object, counts: dict[str, int]) -> bool:
    """Tell whether there are more new, ready or available pods than before, or fewer old ones."""
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    grown = any(
        counts[name] > before.get(name, 0) for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grown or bool(counts["replicas"] - counts["updatedReplicas"] < old_before)


def _deadline(deployment: Object) -> int:
    seconds: int = deployment["spec"].get("progressDeadlineSeconds", 600)
    return seconds


def _condition(type_: str, status: str, reason: str, message: str) -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def _kept(deployment: Object, condition: Object) -> Object:
    """Return the condition with the times of the one before, as far as it says the same."""
    before = condition_of(deployment, condition["type"])
    if before is None:
        return {"lastUpdateTime": now(), "lastTransitionTime": now()} | condition
    same = all(before.get(name) == condition.get(name) for name in ("status", "reason", "message"))
    unchanged = before if before["status"] == condition["status"] else {}
    transition = unchanged.get("lastTransitionTime") or now()
    update = (before.get("lastUpdateTime") if same else None) or now()
    return {"lastUpdateTime": update, **condition, "lastTransitionTime": transition}
