"""Events: what controllers and the kubelet say of an object, counted when they say it again."""

import hashlib
from typing import Literal

from localmesh.apiserver.store import Store, now
from localmesh.kinds.objects import Key, Object
from localmesh.kinds.resources import EVENTS, NAMESPACES


class Recorder:
    """Writes the events of one component."""

    def __init__(self, store: Store, component: str) -> None:
        self._store = store
        self._component = component

    def normal(self, regarding: Object, reason: str, message: str, *, field: str = "") -> None:
        """Say what was done to an object; `field` is a place in it, like `spec.containers{catalog}`."""
        self._record(regarding, "Normal", reason, message, field)

    def warning(self, regarding: Object, reason: str, message: str, *, field: str = "") -> None:
        """Say what went wrong with an object."""
        self._record(regarding, "Warning", reason, message, field)

    def _record(
        self, regarding: Object, type_: Literal["Normal", "Warning"], reason: str, message: str, field: str
    ) -> None:
        said = {"type": type_, "reason": reason, "message": message, "involvedObject": _reference(regarding, field)}
        event = self._event(said)
        namespace = event["metadata"]["namespace"]
        if self._store.find(NAMESPACES, Key("", namespace)) is None:
            return  # its namespace went meanwhile, as an API server would refuse it
        key = Key(namespace, event["metadata"]["name"])
        if self._store.find(EVENTS, key) is None:
            self._store.create(EVENTS, event)
        else:
            self._store.modify(EVENTS, key, _again)

    def _event(self, said: Object) -> Object:
        regarding = said["involvedObject"]
        identity = "\n".join([self._component, *(str(part) for part in said.values())])
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        metadata = {"namespace": regarding["namespace"] or "default", "name": f"{regarding['name']}.{digest}"}
        component = {"source": {"component": self._component}, "reportingComponent": self._component}
        times = {"firstTimestamp": now(), "lastTimestamp": now(), "count": 1}
        return {"metadata": metadata} | said | component | {"reportingInstance": ""} | times


def _again(event: Object) -> None:
    event["count"] += 1
    event["lastTimestamp"] = now()


def _reference(obj: Object, field: str) -> Object:
    metadata = obj["metadata"]
    reference = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return reference | ({"fieldPath": field} if field else {})
