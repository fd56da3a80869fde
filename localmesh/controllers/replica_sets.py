"""ReplicaSet → Pods: as many as wanted, made from its template."""

from localmesh.apiserver.deletion import delete
from localmesh.apiserver.events import Recorder
from localmesh.apiserver.store import Store
from localmesh.controllers.clock import age
from localmesh.controllers.loop import each, soonest
from localmesh.controllers.ownership import claim, reference, suffix
from localmesh.kinds.defaults import complete
from localmesh.kinds.injection import inject
from localmesh.kinds.objects import Key, Object, key_of
from localmesh.kinds.pods import condition_of, is_finished, is_ready, is_terminating
from localmesh.kinds.resources import NAMESPACES, PODS, REPLICA_SETS


class ReplicaSetController:
    """Creates and deletes pods until their number is right, and counts those that are ready."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "replicaset-controller")

    def reconcile(self) -> float | None:
        """Look at each ReplicaSet; return when one of their pods will have been ready for long enough."""
        return each(self._store.objects(REPLICA_SETS), self._sync)

    def _sync(self, owner: Object) -> float | None:
        pods = [pod for pod in claim(self._store, owner, PODS) if not is_terminating(pod) and not is_finished(pod)]
        wanted = owner["spec"]["replicas"]
        for _ in range(wanted - len(pods)):
            pods += self._create(owner)
        for pod in sorted(pods, key=_worth)[: max(0, len(pods) - wanted)]:
            delete(self._store, PODS, key_of(pod))
            self._events.normal(owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
            pods.remove(pod)
        return self._report(owner, pods)

    def _create(self, owner: Object) -> list[Object]:
        namespace = self._store.find(NAMESPACES, Key("", owner["metadata"]["namespace"]))
        if namespace is not None and is_terminating(namespace):
            return []
        pod = self._store.create(PODS, complete(PODS, inject(_pod_from(owner), namespace)))
        self._events.normal(owner, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return [pod]

    def _report(self, owner: Object, pods: list[Object]) -> float | None:
        ready = [pod for pod in pods if is_ready(pod)]
        waits = [_until_available(pod, owner["spec"].get("minReadySeconds", 0)) for pod in ready]
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(wait is None for wait in waits),
        }
        key = key_of(owner)
        self._store.modify(REPLICA_SETS, key, lambda draft: draft.update(status=status))
        return soonest(waits)


def _pod_from(owner: Object) -> Object:
    template = owner["spec"]["template"]
    metadata = {name: template["metadata"][name] for name in ("labels", "annotations") if name in template["metadata"]}
    name = owner["metadata"]["name"]
    metadata |= {
        "generateName": f"{name}-",
        "name": f"{name}-{suffix()}",
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [reference(owner)],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _worth(pod: Object) -> tuple[bool, bool, int, float]:
    """Order pods by how little is lost with them: not started, not ready, often restarted, young ones go first."""
    status = pod.get("status", {})
    restarts = sum(each_["restartCount"] for each_ in status.get("containerStatuses", []))
    return status.get("phase") == "Running", is_ready(pod), -restarts, age(pod["metadata"]["creationTimestamp"])


def _until_available(pod: Object, min_ready_seconds: int) -> float | None:
    """Return the seconds until a ready pod counts as available, None when it does."""
    ready = condition_of(pod, "Ready")
    if ready is None or not min_ready_seconds:
        return None
    left = min_ready_seconds - age(ready["lastTransitionTime"])
    return left if left > 0 else None
