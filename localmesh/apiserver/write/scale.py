"""The scale of a Deployment or a ReplicaSet: `autoscaling/v1` Scale."""

import json

from localmesh.apiserver.errors import bad_request
from localmesh.core.objects import Object

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(workload: Object) -> Object:
    """Return the scale that kubectl reads and patches."""
    labels = workload["spec"]["selector"].get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
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
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        value = json.dumps(replicas)
        raise bad_request(f"spec.replicas: Invalid value: {value}: must be a number greater than or equal to 0")
    metadata = {**workload["metadata"], "resourceVersion": scale["metadata"].get("resourceVersion")}
    return {**workload, "metadata": metadata, "spec": {**workload["spec"], "replicas": replicas}}
