"""Every overlay on a real Kubernetes under a real Istio: taken without complaint. What each does: tests/system."""

import shutil
from collections.abc import Callable

import pytest

from tests.k8s.manifests import OVERLAYS
from tests.system.cluster import Cluster
from tests.system.overlays import CATALOG
from tests.system.waiting import eventually

pytestmark = pytest.mark.cluster

Deploy = Callable[[str], None]


def status_inside(cluster: Cluster, pod: str, url: str) -> str:
    """Return the status that curl gets in a pod's first container: 000 when there was no answer."""
    namespace, _, name = pod.partition("/")
    command = ["curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", url]
    return cluster.kubectl("exec", "-n", namespace, f"deploy/{name}", "--", *command, check=False)[:3]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_rolls_out_serves_and_istioctl_finds_nothing_wrong(
    cluster: Cluster, deploy: Deploy, overlay: str
) -> None:
    assert shutil.which("istioctl"), "istioctl is not on the PATH: https://istio.io/latest/docs/setup/getting-started"
    deploy(overlay)
    eventually(lambda: cluster.get(CATALOG).status_code == 200, "the gateway serves the storefront")
    said = cluster.run(["istioctl", "analyze", "-n", "istioinaction"])
    assert said.returncode == 0, said.stdout + said.stderr
    assert "No validation issues found" in said.stdout + said.stderr


def test_strict_mtls_lets_webapp_reach_catalog_and_nobody_else(cluster: Cluster, deploy: Deploy) -> None:
    webapp, catalog = "http://webapp.istioinaction/api/healthz", "http://catalog.istioinaction/items/1"
    deploy("storefront")
    outside = "default/outsider"
    cluster.kubectl("apply", "-f", "-", stdin=OUTSIDER)
    cluster.ready("outsider", namespace="default")
    try:
        assert status_inside(cluster, outside, catalog) == "200"
        deploy("strict-mtls")
        eventually(lambda: status_inside(cluster, outside, catalog) == "000", "plain text from outside is cut off")
        eventually(lambda: cluster.get(CATALOG).status_code == 200, "gateway to webapp to catalog")
        # In the mesh, with a certificate of its own, and still nobody that a policy names.
        assert status_inside(cluster, "istioinaction/catalog", webapp) == "403"
        assert status_inside(cluster, "istioinaction/catalog", catalog) == "403"
        assert status_inside(cluster, outside, webapp) == "000"
    finally:
        cluster.kubectl("delete", "deployment", "outsider", "-n", "default", "--grace-period=1")


def test_the_gateway_api_serves_without_any_istio_gateway(cluster: Cluster, deploy: Deploy) -> None:
    deploy("gateway-api")
    eventually(lambda: cluster.get(CATALOG).status_code == 200, "the HTTPRoute leads to webapp")
    left = cluster.kubectl("get", "gateways.networking.istio.io,virtualservices", "-n", "istioinaction", "-o", "name")
    assert left == ""
    gateway = cluster.json("get", "gateways.gateway.networking.k8s.io", "outfitters-gateway", "-n", "istio-system")
    conditions = {condition["type"]: condition["status"] for condition in gateway["status"]["conditions"]}
    assert conditions["Programmed"] == "True"


def test_replicas_all_serve_and_one_at_a_time_may_be_evicted(cluster: Cluster, deploy: Deploy) -> None:
    deploy("replicas")
    budgets = cluster.json("get", "poddisruptionbudgets", "-n", "istioinaction")["items"]
    assert {b["metadata"]["name"]: b["status"]["disruptionsAllowed"] for b in budgets} == {"catalog": 1, "webapp": 1}
    slices = cluster.json("get", "endpointslices", "-n", "istioinaction")["items"]
    assert [sum(e["conditions"]["ready"] for e in s["endpoints"]) for s in slices] == [2, 2]


# The image is on the node already, carries curl and idles well enough.
OUTSIDER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: outsider, namespace: default}
spec:
  selector: {matchLabels: {app: outsider}}
  template:
    metadata: {labels: {app: outsider, sidecar.istio.io/inject: "false"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: outsider
        image: istioinaction/catalog:1.0.0
        command: [sleep, infinity]
"""
