"""Tells people what could not be translated: in an Event about the object and, for Istio's kinds, in its status."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from localmesh.core.objects import Key, Object
from localmesh.kinds.istio import SPECS
from localmesh.kinds.resources import Resource
from localmesh.pilot.findings import Finding
from localmesh.store.events import Recorder
from localmesh.store.objects import Store, now

logger = logging.getLogger(__name__)

CONDITION = "Reconciled"
"""Istio's condition for "the proxies have what the object says"."""

REASON = "NotTranslated"


class Reporter:
    """Says each finding once, and takes back what does not hold any more."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "istiod")
        self._known: dict[Finding, None] = {}

    def report(self, findings: Iterable[Finding]) -> None:
        """Take all that holds now."""
        before, self._known = self._known, dict.fromkeys(findings)
        for finding in self._known.keys() - before.keys():
            self._say(finding)
        changed = (finding for finding in before.keys() ^ self._known.keys() if not finding.code)
        for resource, key in {(finding.resource, finding.key) for finding in changed}:
            if resource in SPECS:
                self._write_status(resource, key)

    def _write_status(self, resource: Resource, key: Key) -> None:
        messages = [str(finding) for finding in self._known if (finding.resource, finding.key) == (resource, key)]
        if self._store.find(resource, key) is not None:
            self._store.modify(resource, key, partial(_set_condition, messages))

    def _say(self, finding: Finding) -> None:
        logger.warning("%s %s: %s%s", finding.resource.kind, finding.key, finding, f"\n{finding.trace}".rstrip())
        obj = self._store.find(finding.resource, finding.key)
        if obj is not None:
            self._events.warning(obj, finding.code or REASON, str(finding))


def _set_condition(messages: Sequence[str], obj: Object) -> None:
    status: Any = obj.get("status")
    status = dict(status) if isinstance(status, dict) else {}
    conditions = [condition for condition in status.get("conditions") or [] if condition.get("type") != CONDITION]
    if messages:
        conditions.append({
            "type": CONDITION,
            "status": "False",
            "reason": REASON,
            "message": "; ".join(messages),
            "lastTransitionTime": now(),
        })  # fmt: skip
    obj["status"] = status | {"conditions": conditions}
