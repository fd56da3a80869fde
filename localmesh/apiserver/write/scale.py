"""The scale of a Deployment or a ReplicaSet: `autoscaling/v1` Scale."""

import json

from localmesh.apiserver.errors import bad_request
from localmesh.apiserver.read.columns import SCALE
from localmesh.core.objects import Object

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")

_MOST = 2**31 - 1


def scale_of(workload: Object) -> Object:
    """Return the scale that kubectl reads and patches."""
    labels = workload["spec"]["selector"].get("matchLabels", {})
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version(),
        "metadata": {name: workload["metadata"][name] for name in _METADATA if name in workload["metadata"]},
        "spec": {"replicas": workload["spec"].get("replicas", 1)},
        "status": {
            "replicas": workload.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def scaled(workload: Object, scale: Object) -> Object:
    """Return the workload with a scale's number of replicas. Raises ApiError."""
    replicas = scale.get("spec", {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not 0 <= replicas <= _MOST:
        value = json.dumps(replicas)
        raise bad_request(f"spec.replicas: Invalid value: {value}: must be a number from 0 to {_MOST}")
    metadata = {**workload["metadata"], "resourceVersion": scale.get("metadata", {}).get("resourceVersion")}
    return {**workload, "metadata": metadata, "spec": {**workload["spec"], "replicas": replicas}}
