"""What `istioctl analyze` says of a world, and what the local mesh says."""

from collections.abc import Iterator, Sequence
from typing import Any

from localmesh.kinds.istio.hosts import is_wildcard
from localmesh.pilot.analysis import analyse
from localmesh.pilot.offline import cluster_of
from localmesh.pilot.snapshot import Snapshot
from tests.differential.oracle import Oracle
from tests.differential.text import text_of

Object = dict[str, Any]
Said = tuple[str, str, str]
"""A code, an object and a message."""

SAID_OTHERWISE = {
    "IST0116": "of a Deployment, not of what was written",
    "IST0118": "the Service's Warning says what gets through such a port",
    "IST0133": "the Warning of whoever applied it, in the same words",
    "IST0135": "of a Pod's annotation, which is honoured",
    "IST0137": "of a Deployment, not of what was written",
}
"""Codes of istioctl's that the local mesh has no findings for."""

_UNKNOWN_HOST, _NO_PODS, _CONFLICT = "IST0174", "IST0173", "IST0145"


def sees_services(oracle: Oracle) -> bool:
    """Tell whether an oracle's analysis looks at Services: istioctl without a cluster does not."""
    metadata = {"name": "nobody", "namespace": "a"}
    spec = {"hosts": ["nobody"], "http": [{"route": [{"destination": {"host": "nobody"}}]}]}
    probe = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}
    return any(message["code"] == "IST0101" for message in oracle.analysis(text_of([probe])))


def analysis_differences(oracle: Oracle, admitted: Sequence[Object]) -> list[str]:
    """Return what one of both says and the other does not. Raises OracleError."""
    cluster = [_as_in_a_cluster(obj) for obj in cluster_of(admitted)]
    messages = oracle.analysis(text_of(cluster))
    theirs = {_said(each["code"], each.get("resource", ""), each["message"]) for each in messages}
    here = {
        _said(each.code, f"{each.resource.kind} {each.key}", each.message.removesuffix(f" [{each.code}]"))
        for each in analyse(Snapshot.of_objects(cluster))
    }
    wide, claimed = set(_wide_rules(cluster)), set(_claimed_twice(cluster))
    return [
        f"{code} of {name}, {'istioctl' if (code, name, message) in theirs else 'here'} alone: {message}"
        for code, name, message in sorted(theirs ^ here)
        if code not in SAID_OTHERWISE
        and not (code in (_UNKNOWN_HOST, _NO_PODS) and name in wide)
        and not (code == _CONFLICT and name in claimed)
    ]


def _said(code: str, name: str, message: str) -> Said:
    """Return what is compared: of several conflicts about one object istioctl names one by chance (IST0109)."""
    return code, name, "" if code == "IST0109" else message


def _as_in_a_cluster(obj: Object) -> Object:
    """Return an object with what an API server adds: each port's protocol, and sidecars for all namespaces."""
    if obj["kind"] == "Namespace":
        return obj | {"metadata": obj["metadata"] | {"labels": {"istio-injection": "enabled"}}}
    if obj["kind"] == "Service":
        ports = [{"protocol": "TCP"} | port for port in obj["spec"].get("ports", ())]
        return obj | {"spec": obj["spec"] | {"ports": ports}}
    return obj


def _wide_rules(cluster: Sequence[Object]) -> Iterator[str]:
    """Yield the DestinationRules for many hosts: istioctl compares a host such as `*.a.svc.cluster.local` as a text."""
    for obj in cluster:
        if obj["kind"] == "DestinationRule" and is_wildcard(obj["spec"]["host"]):
            yield f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _claimed_twice(cluster: Sequence[Object]) -> Iterator[str]:
    """Yield the Gateways with a host in two servers on one port: istioctl holds the first one's hosts for a rival's."""
    for obj in cluster:
        if obj["kind"] == "Gateway":
            claims = [(each["port"]["number"], host) for each in obj["spec"]["servers"] for host in set(each["hosts"])]
            if len(claims) > len(set(claims)):
                yield f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"
