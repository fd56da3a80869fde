"""Deployment → ReplicaSets: one for each template, sized so that a rollout goes on within its bounds."""

import json
import re

from localmesh.controllers.deployment_status import next_status, until_deadline
from localmesh.controllers.loop import reconcile_each
from localmesh.controllers.ownership import claim, reference
from localmesh.controllers.rollout import Bounds, Size, roll
from localmesh.core.names import digest
from localmesh.core.objects import Key, Object, annotations_of, controller_of, key_of, labels_of
from localmesh.kinds.kubernetes.pods import status_of
from localmesh.kinds.kubernetes.stand_ins import running_already, stands_for
from localmesh.kinds.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from localmesh.store.events import Recorder
from localmesh.store.objects import Store

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_NUMBER = re.compile(r"[0-9]{1,18}")
"""What fits into 64 bits, as Kubernetes reads it."""
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = (REVISION, DESIRED, MAXIMUM, "kubectl.kubernetes.io/last-applied-configuration")


class DeploymentController:
    """Makes a ReplicaSet for the template and moves the replicas to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "deployment-controller")

    def reconcile(self) -> float | None:
        """Look at each Deployment; return when one of their progress deadlines is due."""
        return reconcile_each(self._store.objects(DEPLOYMENTS), self._sync)

    def _sync(self, deployment: Object) -> float | None:
        if stands_for(DEPLOYMENTS, deployment):
            self._store.modify(DEPLOYMENTS, key_of(deployment), running_already)
            return None
        owned = claim(self._store, deployment, REPLICA_SETS)
        deployment = self._without_collision(deployment)
        name = _name_of_new(deployment)
        new = next((replica_set for replica_set in owned if replica_set["metadata"]["name"] == name), None)
        old = [replica_set for replica_set in owned if replica_set is not new]
        if deployment["spec"].get("paused"):
            self._hold(deployment, new, old)
        else:
            new = self._advance(deployment, name, new, old)
        return self._report(deployment, new)

    def _without_collision(self, deployment: Object) -> Object:
        """Return the Deployment, with another hash for its template while somebody else's ReplicaSet has that name."""
        key = Key(deployment["metadata"]["namespace"], _name_of_new(deployment))
        other = self._store.find(REPLICA_SETS, key)
        if other is None or controller_of(other) == deployment["metadata"]["uid"]:
            return deployment
        return self._without_collision(self._store.modify(DEPLOYMENTS, key_of(deployment), _collide))

    def _advance(self, deployment: Object, name: str, new: Object | None, old: list[Object]) -> Object | None:
        if deployment["spec"].get("strategy", {}).get("type") == "Recreate":
            return self._recreate(deployment, name, new, old)
        revised = self._revise(deployment, name, new, old)
        bounds = Bounds.of(deployment)
        grown, shrunk = roll(
            deployment["spec"]["replicas"], bounds, _size(revised), [_size(replica_set) for replica_set in old]
        )
        for replica_set, size in zip([revised, *old], [grown, *shrunk], strict=True):
            self._scale(deployment, replica_set, size)
        self._forget(deployment, old)
        return revised

    def _recreate(self, deployment: Object, name: str, new: Object | None, old: list[Object]) -> Object | None:
        """End all old pods, and only when they are gone start new ones."""
        for replica_set in old:
            self._scale(deployment, replica_set, 0)
        owners = {replica_set["metadata"]["uid"] for replica_set in old}
        pods = self._store.objects(PODS, deployment["metadata"]["namespace"])
        if any(controller_of(pod) in owners for pod in pods):
            return new
        new = self._revise(deployment, name, new, old)
        self._scale(deployment, new, deployment["spec"]["replicas"])
        self._forget(deployment, old)
        return new

    def _hold(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        """Start no rollout while paused, but keep the number of replicas where there is one ReplicaSet."""
        active = [
            replica_set for replica_set in [new, *old] if replica_set is not None and replica_set["spec"]["replicas"]
        ]
        if len(active) == 1:
            self._scale(deployment, active[0], deployment["spec"]["replicas"])

    def _revise(self, deployment: Object, name: str, new: Object | None, old: list[Object]) -> Object:
        """Return the template's ReplicaSet, made if need be; it and the Deployment carry the latest revision."""
        latest = max((_revision(replica_set) for replica_set in old), default=0)
        revision = str(max(latest + 1, _revision(new) if new else 0))
        copied = {key: text for key, text in annotations_of(deployment).items() if key not in _NOT_COPIED}
        annotations = copied | {REVISION: revision}
        if new is None:
            new = self._store.create(REPLICA_SETS, _replica_set(deployment, name, annotations))
        else:
            new = self._store.modify(REPLICA_SETS, key_of(new), lambda draft: _annotate(draft, annotations))
        self._store.modify(DEPLOYMENTS, key_of(deployment), lambda draft: _annotate(draft, {REVISION: revision}))
        return new

    def _scale(self, deployment: Object, replica_set: Object, size: int) -> None:
        current = replica_set["spec"]["replicas"]
        replicas = deployment["spec"]["replicas"]
        bounds = {DESIRED: str(replicas), MAXIMUM: str(replicas + Bounds.of(deployment).surge)}

        def change(draft: Object) -> None:
            draft["spec"]["replicas"] = size
            _annotate(draft, bounds)

        if size:
            self._store.modify(REPLICA_SETS, key_of(replica_set), change)
        elif current:
            self._store.modify(REPLICA_SETS, key_of(replica_set), lambda draft: draft["spec"].update(replicas=0))
        if size != current:
            verb = "up" if size > current else "down"
            name = replica_set["metadata"]["name"]
            message = f"Scaled {verb} replica set {name} from {current} to {size}"
            self._events.normal(deployment, "ScalingReplicaSet", message)

    def _forget(self, deployment: Object, old: list[Object]) -> None:
        """Drop empty ReplicaSets beyond the history limit, the oldest revisions first."""
        empty = [
            replica_set
            for replica_set in old
            if not replica_set["spec"]["replicas"] and not replica_set.get("status", {}).get("replicas")
        ]
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        for replica_set in sorted(empty, key=_revision)[: max(0, len(empty) - limit)]:
            self._store.remove(REPLICA_SETS, key_of(replica_set))

    def _report(self, deployment: Object, new: Object | None) -> float | None:
        owned = claim(self._store, deployment, REPLICA_SETS)
        current = next((replica_set for replica_set in owned if new and key_of(replica_set) == key_of(new)), None)
        status = next_status(deployment, current, owned)
        self._store.modify(DEPLOYMENTS, key_of(deployment), lambda draft: draft.update(status=status))
        return until_deadline(deployment, status)


def _name_of_new(deployment: Object) -> str:
    """Return the name of the ReplicaSet for a Deployment's template: the same for the same content."""
    template = json.dumps(deployment["spec"]["template"], sort_keys=True)
    collisions = status_of(deployment).get("collisionCount", "")
    return f"{deployment['metadata']['name']}-{digest(f'{template}{collisions}', 10)}"


def _collide(deployment: Object) -> None:
    status = {**status_of(deployment)}
    deployment["status"] = status | {"collisionCount": status.get("collisionCount", 0) + 1}


def _replica_set(deployment: Object, name: str, annotations: dict[str, str]) -> Object:
    template = deployment["spec"]["template"]
    hashed = {HASH: name.rpartition("-")[2]}
    labels = labels_of(template) | hashed
    selector = deployment["spec"]["selector"]
    metadata = {
        "name": name,
        "namespace": deployment["metadata"]["namespace"],
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": [reference(deployment)],
    }
    spec = {
        "replicas": 0,
        "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
        "selector": selector | {"matchLabels": selector["matchLabels"] | hashed},
        "template": template | {"metadata": template["metadata"] | {"labels": labels}},
    }
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def _annotate(obj: Object, annotations: dict[str, str]) -> None:
    obj["metadata"]["annotations"] = annotations_of(obj) | annotations


def _revision(replica_set: Object) -> int:
    """Return the revision that a ReplicaSet carries, 0 for a text that somebody else wrote there."""
    found = _NUMBER.fullmatch(annotations_of(replica_set).get(REVISION, ""))
    return int(found[0]) if found else 0


def _size(replica_set: Object) -> Size:
    status = replica_set.get("status", {})
    return Size(replica_set["spec"]["replicas"], status.get("availableReplicas", 0), status.get("replicas", 0))
