"""Deployments that stand for something that runs already, and that nobody changes."""

from collections.abc import Mapping

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.resources import DEPLOYMENTS, Resource

_STAND_INS: Mapping[Key, str] = {Key("istio-system", "istiod"): "the mesh's own process, which `mesh down` ends"}


def stands_for(resource: Resource, obj: Object) -> str:
    """Return what an object stands for, "" for one that is what it says."""
    return _STAND_INS.get(key_of(obj), "") if resource is DEPLOYMENTS else ""


def running_already(deployment: Object) -> None:
    """Give a Deployment the status of one whose pods are all there."""
    replicas = deployment["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    deployment["status"] = {**counts, "observedGeneration": deployment["metadata"]["generation"]}
