"""The pods behind Services."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from localmesh.core.objects import Key, Object, key_of, labels_of
from localmesh.kinds.injection import canonical_of, takes_mutual_tls, workload_name
from localmesh.kinds.kubernetes.pods import is_finished, is_ready, is_terminating, service_account_of
from localmesh.proxy.tls import identity

DRAINING = "istio.io/draining"
"""The label by which a pod asks for no further requests."""

CLUSTER = "Kubernetes"
"""What istiod calls the cluster that it runs in."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One pod as Services look at it."""

    pod: Object = field(compare=False)
    key: Key
    labels: Mapping[str, str] = field(compare=False)
    """Its own, and those that say where it is: what subsets find it by."""

    ready: bool
    """Whether it says that it takes requests, and is not on its way out."""

    told: str
    """What telemetry calls it: `name;namespace;canonical name;revision;cluster`."""

    identity: str
    """Whose certificate its proxy has."""

    meshed: bool
    """Whether there is a proxy that takes TLS."""


def read_workload(pod: Object) -> Workload | None:
    """Return a pod as Services look at it, None if it has ended."""
    if is_finished(pod):
        return None
    key = key_of(pod)
    canonical = canonical_of(pod)
    told = f"{workload_name(pod)};{key.namespace};{canonical.name};{canonical.revision};{CLUSTER}"
    ready = is_ready(pod) and not is_terminating(pod)
    return Workload(pod, key, _labels(pod), ready, told, identity_of(pod), takes_mutual_tls(pod))


def _labels(pod: Object) -> Mapping[str, str]:
    """Source: AugmentLabels in pilot/pkg/serviceregistry/util/label/label.go of Istio 1.31."""
    node = pod["spec"].get("nodeName")
    added = {"topology.istio.io/cluster": CLUSTER} | ({"kubernetes.io/hostname": node} if node else {})
    return {**labels_of(pod), **added}


def identity_of(pod: Object) -> str:
    """Return whose certificate a pod's proxy has: its service account's."""
    return identity(key_of(pod).namespace, service_account_of(pod))
