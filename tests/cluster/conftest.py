"""Tests that need Kubernetes and Istio themselves: TEST_CLUSTER=1, KUBECONFIG, the images on the node (skaffold run).

The gateway is where GATEWAY_URL says, http://127.0.0.1:30000 unless set. kubectl and istioctl are taken from PATH.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.k8s.manifests import Manifest, built, of_kind
from tests.system.cluster import Cluster, environment_for

HERE = Path(__file__).parent
# What an overlay or a test may leave behind where, if the cluster knows the kind.
RESOURCES = {
    "istioinaction": {
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out unless they were asked for."""
    here = [item for item in items if HERE in item.path.parents]
    if here and not os.environ.get("TEST_CLUSTER"):
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that KUBECONFIG names."""
    kubeconfig = os.environ.get("KUBECONFIG", str(Path.home() / ".kube" / "config"))
    return Cluster(os.environ.get("GATEWAY_URL", "http://127.0.0.1:30000"), environment_for(kubeconfig))


@pytest.fixture
def deploy(cluster: Cluster) -> Iterator[Callable[[str], None]]:
    """A function that brings the namespace to exactly what an overlay says; afterwards it is the storefront again."""

    def exactly(overlay: str) -> None:
        cluster.kubectl("apply", "-f", "k8s/base/namespace.yaml")
        cluster.kubectl("apply", "-k", f"k8s/overlays/{overlay}")
        manifests = built(f"k8s/overlays/{overlay}")
        remove_all_but(cluster, {key(manifest) for manifest in manifests})
        cluster.ready(*(manifest["metadata"]["name"] for manifest in of_kind("Deployment", manifests)))
        wait_for_the_leaving(cluster)

    yield exactly
    exactly("storefront")


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
    pods = cluster.json("get", "pods", "-n", "istioinaction")["items"]
    leaving = [f"pod/{pod['metadata']['name']}" for pod in pods if "deletionTimestamp" in pod["metadata"]]
    if leaving:
        cluster.kubectl("wait", *leaving, "-n", "istioinaction", "--for=delete", "--timeout=60s")
