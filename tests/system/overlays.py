"""Brings the namespace to exactly what an overlay of k8s/overlays says, in whatever cluster, and asks who answers."""

from tests.k8s.manifests import Manifest, built, of_kind
from tests.system.cluster import Cluster

NAMESPACE = "istioinaction"
CATALOG = "/api/catalog"
# What an overlay or a test may leave behind where, if the cluster knows the kind.
RESOURCES = {
    NAMESPACE: {
        "deployments.apps",
        "gateways.networking.istio.io",
        "virtualservices.networking.istio.io",
        "destinationrules.networking.istio.io",
        "peerauthentications.security.istio.io",
        "authorizationpolicies.security.istio.io",
        "httproutes.gateway.networking.k8s.io",
        "poddisruptionbudgets.policy",
    },
    "istio-system": {"gateways.gateway.networking.k8s.io"},
}

# A kind by its group, and a name.
Key = tuple[str, str]


def deploy_exactly(cluster: Cluster, overlay: str) -> None:
    """Apply an overlay, delete what others left, and wait until its pods are the ones that serve."""
    cluster.kubectl("apply", "-f", "k8s/base/namespace.yaml")
    cluster.kubectl("apply", "-k", f"k8s/overlays/{overlay}")
    manifests = built(f"k8s/overlays/{overlay}")
    remove_all_but(cluster, {key(manifest) for manifest in manifests})
    cluster.ready(*(manifest["metadata"]["name"] for manifest in of_kind("Deployment", manifests)))
    wait_for_the_leaving(cluster)


def answers(cluster: Cluster, count: int, **headers: str) -> list[bool]:
    """Ask for the catalog and tell for each answer whether v2 gave it."""
    return ["imageUrl" in cluster.get(CATALOG, **headers).raise_for_status().text for _ in range(count)]


def key(manifest: Manifest) -> Key:
    """Return what kubectl calls an object: Kind.group and its name."""
    return f"{manifest['kind']}.{manifest['apiVersion'].partition('/')[0]}", manifest["metadata"]["name"]


def remove_all_but(cluster: Cluster, wanted: set[Key]) -> None:
    """Delete what the cluster holds beyond what is wanted, and wait until it is gone."""
    known = set(cluster.kubectl("api-resources", "-o", "name").split())
    for namespace, resources in RESOURCES.items():
        names = ",".join(sorted(resources & known))
        there = {key(item) for item in cluster.json("get", names, "-n", namespace)["items"]} if names else set()
        for kind, name in there - wanted:
            cluster.kubectl("delete", f"{kind.lower()}/{name}", "-n", namespace)


def wait_for_the_leaving(cluster: Cluster) -> None:
    """Wait until pods that have been told to end are gone."""
    pods = cluster.json("get", "pods", "-n", NAMESPACE)["items"]
    leaving = [f"pod/{pod['metadata']['name']}" for pod in pods if "deletionTimestamp" in pod["metadata"]]
    if leaving:
        cluster.kubectl("wait", *leaving, "-n", NAMESPACE, "--for=delete", "--timeout=60s")
