"""What becomes of traces and metrics in a mesh that runs: sampling, a collector outside, services' own metrics.

Of the local mesh alone: in a cluster all this is Istio's and its add-ons' own.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from localmesh.core.loopback import is_taken
from localmesh.telemetry.exposition import labels_of, name_of, samples
from tests.system.cluster import Cluster
from tests.system.load import Load
from tests.system.local import MESH, local_mesh
from tests.system.waiting import eventually

pytestmark = pytest.mark.long

SAMPLING = """
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: NAME, namespace: NAMESPACE}
spec: {selector: SELECTOR, tracing: [{randomSamplingPercentage: SHARE}]}
"""
REQUESTS = 60
OF_WEBAPP = 10


@dataclass(frozen=True, slots=True)
class Watched:
    cluster: Cluster
    first: int
    """Of the four ports of telemetry."""

    def page(self, number: int, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.first + number}{path}", trust_env=False, timeout=10)

    def traces(self) -> Any:
        return self.page(3, "/api/traces?limit=200").json()

    def trace(self) -> Any:
        """Send a request that its caller wants to be traced, and return its trace once it is whole."""
        done = self.cluster.run([MESH, "trace", "--url", "/api/catalog", "-o", "json"])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def sample(
        self, share: float, name: str = "sampling", namespace: str = "istio-system", selector: str = "null"
    ) -> None:
        words = {"NAMESPACE": namespace, "NAME": name, "SELECTOR": selector, "SHARE": str(share)}
        text = SAMPLING
        for placeholder, value in words.items():
            text = text.replace(placeholder, value)
        self.cluster.kubectl("apply", "-f", "-", stdin=text)
        self.settle()

    def settle(self) -> None:
        """Wait until each proxy has taken what it was told."""
        eventually(self._settled, "all proxies are in step")

    def _settled(self) -> bool:
        rows = json.loads(self.cluster.run([MESH, "proxy-status", "-o", "json"]).stdout)
        return all(row[kind] != "STALE" for row in rows for kind in ("CDS", "LDS", "EDS", "RDS"))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    first = next(port for port in range(31900, 32700, 4) if not any(map(is_taken, range(port, port + 4))))
    with local_mesh(tmp_path_factory.mktemp("mesh"), first) as cluster:
        cluster.kubectl("apply", "-k", "k8s/base")
        cluster.ready("catalog", "webapp")
        cluster.ready("kiali", "jaeger", "prometheus", namespace="istio-system")
        eventually(lambda: _status(cluster) == 200, "the gateway serves webapp")
        yield Watched(cluster, first)


def _status(cluster: Cluster) -> int:
    try:
        return cluster.get("/api/catalog").status_code
    except httpx.HTTPError:
        return 0


def begun(watched: Watched, ask: Callable[[Watched], None] | None = None) -> int:
    """Ask often, and return how many traces that began: a last one, which is wanted, comes after them all."""
    watched.trace()
    before = watched.traces()["kept"]
    (ask or through_the_gateway)(watched)
    watched.trace()
    return int(watched.traces()["kept"]) - before - 1


def through_the_gateway(watched: Watched) -> None:
    for _ in range(REQUESTS):
        assert watched.cluster.get("/api/catalog").status_code == 200


def as_webapp(watched: Watched) -> None:
    """Ask catalog OF_WEBAPP times out of webapp's pod, whose proxy begins the traces then."""
    loop = f"for i in $(seq {OF_WEBAPP}); do curl -sf -o /dev/null http://catalog/items || exit 1; done"
    watched.cluster.kubectl("exec", "-n", "istioinaction", "deploy/webapp", "-c", "webapp", "--", "sh", "-c", loop)


def test_a_telemetry_says_of_how_many_requests_a_trace_begins(watched: Watched) -> None:
    assert begun(watched) == REQUESTS
    watched.sample(0)
    assert begun(watched) == 0
    watched.sample(30)
    assert 1 <= begun(watched) <= 36  # 18 are to be expected; this is five standard deviations away
    watched.cluster.kubectl("delete", "telemetry", "sampling", "-n", "istio-system")
    watched.settle()
    assert begun(watched) == REQUESTS


def test_a_namespaces_sampling_goes_before_the_meshs_and_a_workloads_before_both(watched: Watched) -> None:
    watched.sample(100)
    watched.sample(0, namespace="istioinaction")
    assert begun(watched, as_webapp) == 0
    assert begun(watched) == REQUESTS
    watched.sample(100, name="webapps", namespace="istioinaction", selector="{matchLabels: {app: webapp}}")
    assert begun(watched, as_webapp) == OF_WEBAPP
    watched.cluster.kubectl("delete", "telemetry", "webapps", "-n", "istioinaction")
    watched.settle()
    assert begun(watched, as_webapp) == 0
    for namespace in ("istioinaction", "istio-system"):
        watched.cluster.kubectl("delete", "telemetry", "sampling", "-n", namespace)
    watched.settle()
    assert begun(watched, as_webapp) == OF_WEBAPP


def test_services_own_metrics_are_on_the_scrape_page_once_they_export_them(watched: Watched) -> None:
    watched.cluster.kubectl("set", "env", "deploy", "-n", "istioinaction", "--all", "OTEL_METRICS_EXPORTER=otlp")
    watched.cluster.ready("catalog", "webapp")

    def seen() -> set[tuple[str, str]]:
        watched.cluster.get("/api/catalog")
        found = [(name_of(series), labels_of(series)) for series, _ in samples(watched.page(0, "/metrics").text)]
        return {(name, labels.get("job", "")) for name, labels in found if name.startswith("http_server_request")}

    count = "http_server_request_duration_seconds_count"
    wanted = {(count, "istioinaction/webapp"), (count, "istioinaction/catalog")}
    eventually(lambda: wanted <= seen(), "both services' own metrics are shown")
    text = watched.page(0, "/metrics").text
    assert "istio_requests_total{" in text
    assert "envoy_cluster_upstream_cx_total{" in text
    assert watched.trace()["services"]


def test_killing_the_pods_of_telemetry_under_load_loses_no_traffic(watched: Watched) -> None:
    with Load(f"{watched.cluster.gateway}/api/catalog") as load:
        load.wait_for(50)
        for name in ("jaeger", "prometheus", "kiali"):
            where = ("-n", "istio-system", "-l", f"app={name}", "--force", "--grace-period=0")
            watched.cluster.kubectl("delete", "pod", *where)
            load.wait_for(100)
    assert load.failed == {}
    watched.cluster.ready("kiali", "jaeger", "prometheus", namespace="istio-system")
    assert watched.trace()["status"] == "200"
