"""What the running pods are: ours, with little power, and no more of it than the sidecar's set-up needs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.system import heredocs
from tests.system.cluster import Cluster

pytestmark = pytest.mark.cluster

NAMESPACE = "istioinaction"
RESTRICTED = "restricted-pods"


@pytest.fixture
def restricted(cluster: Cluster) -> Iterator[Callable[[dict[str, Any]], str]]:
    """A function that tries a pod in a namespace which enforces the restricted standard, and returns the complaint."""
    cluster.kubectl("create", "namespace", RESTRICTED)
    cluster.kubectl("label", "namespace", RESTRICTED, "pod-security.kubernetes.io/enforce=restricted")
    cluster.kubectl("wait", "serviceaccount/default", "-n", RESTRICTED, "--for=create", "--timeout=30s")

    def attempt(spec: dict[str, Any]) -> str:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": RESTRICTED}, "spec": spec}
        done = cluster.run(["kubectl", "create", "--dry-run=server", "-f", "-"], stdin=json.dumps(pod))
        return done.stderr

    yield attempt
    cluster.kubectl("delete", "namespace", RESTRICTED)


@pytest.mark.parametrize("name", ["catalog", "webapp"])
def test_a_pod_passes_the_restricted_standard_apart_from_istio_init(
    cluster: Cluster, deploy: Callable[[str], None], restricted: Callable[[dict[str, Any]], str], name: str
) -> None:
    deploy("storefront")
    (pod,) = cluster.json("get", "pods", "-n", NAMESPACE, "-l", f"app={name}")["items"]
    spec = {**pod["spec"], "serviceAccountName": "default", "serviceAccount": "default"}
    del spec["nodeName"]
    complaint = restricted(spec)
    assert 'container "istio-init" must not include "NET_ADMIN", "NET_RAW"' in complaint
    spec["initContainers"] = [c for c in spec["initContainers"] if c["name"] != "istio-init"]
    assert restricted(spec) == ""


def test_every_pod_that_answers_is_ours_under_whichever_tag_the_tutorial_names_it(
    cluster: Cluster, deploy: Callable[[str], None]
) -> None:
    deploy("storefront")
    cluster.sh(heredocs.CATALOG_V2)  # says istioinaction/catalog:latest
    cluster.ready("catalog-v2")
    pods = cluster.json("get", "pods", "-n", NAMESPACE, "-l", "app=catalog")["items"]
    ours = {s["imageID"] for pod in pods for s in pod["status"]["containerStatuses"] if s["name"] == "catalog"}
    assert len(ours) == 1
    for pod in pods:
        inside = ["exec", pod["metadata"]["name"], "-c", "catalog", "-n", NAMESPACE, "--"]
        assert "services.catalog" in cluster.kubectl(*inside, "cat", "/proc/1/cmdline").replace("\0", " ")


def test_an_idle_pod_is_gone_within_seconds_of_being_asked_to(cluster: Cluster, deploy: Callable[[str], None]) -> None:
    deploy("storefront")
    (pod,) = cluster.json("get", "pods", "-n", NAMESPACE, "-l", "app=catalog")["items"]
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    # Well inside its grace period: whoever has to be killed takes all of it.
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], "-n", NAMESPACE, f"--timeout={grace // 2}s")
    cluster.ready("catalog")
