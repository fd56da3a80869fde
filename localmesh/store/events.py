"""Events: what controllers and the kubelet say of an object, counted when they say it again."""

import hashlib
import time
from typing import Literal

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.resources import EVENTS, NAMESPACES
from localmesh.store.objects import Store, now

FEW = 256
"""Names that are kept without a look at whether their events are still there."""


class Recorder:
    """Writes the events of one component."""

    def __init__(self, store: Store, component: str) -> None:
        self._store = store
        self._component = component
        self._names: dict[str, Key] = {}
        """The event that stands for what was said, by a digest of it."""
        self._most = FEW

    def normal(self, regarding: Object, reason: str, message: str, *, field: str = "") -> None:
        """Say what was done to an object; `field` is a place in it, like `spec.containers{catalog}`."""
        self._record(regarding, "Normal", reason, message, field)

    def warning(self, regarding: Object, reason: str, message: str, *, field: str = "") -> None:
        """Say what went wrong with an object."""
        self._record(regarding, "Warning", reason, message, field)

    def _record(
        self, regarding: Object, type_: Literal["Normal", "Warning"], reason: str, message: str, field: str
    ) -> None:
        content: Object = {
            "type": type_,
            "reason": reason,
            "message": message,
            "involvedObject": _reference(regarding, field),
        }
        namespace = content["involvedObject"]["namespace"] or "default"
        if self._store.find(NAMESPACES, Key("", namespace)) is None:
            return  # its namespace went meanwhile, as an API server would refuse it
        digest = hashlib.sha256("\n".join(map(str, content.values())).encode()).hexdigest()
        known = self._names.get(digest)
        if known is not None and self._store.find(EVENTS, known) is not None:
            self._store.modify(EVENTS, known, _again)
            return
        self._forget_the_gone()
        event = self._store.create(EVENTS, self._event(content, namespace))
        self._names[digest] = key_of(event)

    def _forget_the_gone(self) -> None:
        """Drop what expired, once more is known than there is: names are few, and each is looked up now and then."""
        if len(self._names) > 2 * self._most:
            self._names = {digest: key for digest, key in self._names.items() if self._store.find(EVENTS, key)}
            self._most = max(len(self._names), FEW)

    def _event(self, content: Object, namespace: str) -> Object:
        # As in Kubernetes the name ends with the time: kubectl shows events of one second in the order of their names.
        name = f"{content['involvedObject']['name']}.{time.time_ns():x}"
        metadata = {"namespace": namespace, "name": name}
        component = {"source": {"component": self._component}, "reportingComponent": self._component}
        times = {"firstTimestamp": now(), "lastTimestamp": now(), "count": 1}
        return {"metadata": metadata} | content | component | {"reportingInstance": ""} | times


def _again(event: Object) -> None:
    event["count"] = event.get("count", 1) + 1
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
