"""ReplicaSet → Pods: as many as wanted, made from its template."""

from localmesh.controllers.clock import age
from localmesh.controllers.loop import reconcile_each, soonest
from localmesh.controllers.ownership import claim, reference
from localmesh.core.names import generated
from localmesh.core.objects import Object, key_of
from localmesh.kinds.kubernetes.pods import condition_of, is_finished, is_ready, is_terminating
from localmesh.kinds.resources import PODS, REPLICA_SETS
from localmesh.store.births import DEFAULT_ACCOUNT, born, closed, without_account
from localmesh.store.deletion import delete
from localmesh.store.events import Recorder
from localmesh.store.objects import Store, now

FAILURE = "ReplicaFailure"
MOST_PODS = 110
"""Beyond so many no replica is made: a kubelet's own limit (`--max-pods`), and each is a process of this machine."""


class ReplicaSetController:
    """Creates and deletes pods until their number is right, and counts those that are ready."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "replicaset-controller")

    def reconcile(self) -> float | None:
        """Look at each ReplicaSet; return when one of their pods will have been ready for long enough."""
        return reconcile_each(self._store.objects(REPLICA_SETS), self._sync)

    def _sync(self, owner: Object) -> float | None:
        pods = [pod for pod in claim(self._store, owner, PODS) if not is_terminating(pod) and not is_finished(pod)]
        replicas = owner["spec"]["replicas"]
        failure = ""
        while len(pods) < replicas and not (failure := self._obstacle(owner)):
            pods.append(self._create(owner))
        for pod in sorted(pods, key=_worth)[: max(0, len(pods) - replicas)]:
            delete(self._store, PODS, key_of(pod))
            self._events.normal(owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
            pods.remove(pod)
        return self._report(owner, pods, failure)

    def _obstacle(self, owner: Object) -> str:
        """Return why no pod can be made now, as the API server would say it; "" when one can."""
        name, namespace = owner["metadata"]["name"], owner["metadata"]["namespace"]
        account = owner["spec"]["template"]["spec"].get("serviceAccountName", DEFAULT_ACCOUNT)
        why = closed(self._store, namespace) or without_account(self._store, namespace, account)
        if not why and len(self._store.objects(PODS)) >= MOST_PODS:
            why = f"the local mesh is one node and takes {MOST_PODS} pods: ask for fewer replicas"
        return f'pods "{name}-" is forbidden: {why}' if why else ""

    def _create(self, owner: Object) -> Object:
        pod = self._store.create(PODS, born(self._store, _pod_from(owner)))
        self._events.normal(owner, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return pod

    def _report(self, owner: Object, pods: list[Object], failure: str) -> float | None:
        ready = [pod for pod in pods if is_ready(pod)]
        waits = [_until_available(pod, owner["spec"].get("minReadySeconds", 0)) for pod in ready]
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(wait is None for wait in waits),
        }
        if failure:
            status["conditions"] = [self._failed(owner, failure)]
        key = key_of(owner)
        self._store.modify(REPLICA_SETS, key, lambda draft: draft.update(status=status))
        return soonest(waits)

    def _failed(self, owner: Object, failure: str) -> Object:
        """Return the condition ReplicaFailure; it is said in an event when it is new."""
        before = condition_of(owner, FAILURE)
        if before is not None and before.get("message") == failure:
            return before
        self._events.warning(owner, "FailedCreate", f"Error creating: {failure}")
        reason = {"reason": "FailedCreate", "message": failure}
        return {"type": FAILURE, "status": "True", "lastTransitionTime": now()} | reason


def _pod_from(owner: Object) -> Object:
    template = owner["spec"]["template"]
    metadata = {name: template["metadata"][name] for name in ("labels", "annotations") if name in template["metadata"]}
    name = owner["metadata"]["name"]
    metadata |= {
        "generateName": f"{name}-",
        "name": generated(f"{name}-"),
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [reference(owner)],
    }
    first = {"phase": "Pending"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": first}


def _worth(pod: Object) -> tuple[bool, bool, int, float]:
    """Order pods by how little is lost with them: not started, not ready, often restarted, young ones go first."""
    status = pod.get("status", {})
    restarts = sum(container.get("restartCount", 0) for container in status.get("containerStatuses") or [])
    return status.get("phase") == "Running", is_ready(pod), -restarts, age(pod["metadata"]["creationTimestamp"])


def _until_available(pod: Object, min_ready_seconds: int) -> float | None:
    """Return the seconds until a ready pod counts as available, None when it does."""
    ready = condition_of(pod, "Ready")
    if ready is None or not min_ready_seconds:
        return None
    left = min_ready_seconds - age(ready.get("lastTransitionTime"))
    return left if left > 0 else None
