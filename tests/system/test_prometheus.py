"""A real Prometheus or VictoriaMetrics in the stand-in's place: the book's queries and those of Istio's boards."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from localmesh.cli.telemetry import REAL
from localmesh.core.loopback import is_taken
from tests.system.cluster import Cluster, found_on_path
from tests.system.local import local_mesh
from tests.system.waiting import eventually
from tools.boards.__main__ import BOARDS, written

pytestmark = pytest.mark.long

REQUESTS = 100
ON_PATH = [name for name in REAL if found_on_path(name)]
CATALOG = 'destination_service=~"catalog.istioinaction.svc.cluster.local"'
COUNT = f'sum(istio_requests_total{{reporter="source",{CATALOG}}})'
BOOK = {
    f'sum(increase(istio_requests_total{{reporter="destination",{CATALOG}}}[5m])) by (response_code) > 0': 2,
    f'sum(rate(istio_requests_total{{reporter="source",{CATALOG},response_code!~"5.*"}}[5m]))'
    f' / sum(rate(istio_requests_total{{reporter="source",{CATALOG}}}[5m]))': 1,
    'label_join(sum(rate(istio_requests_total{reporter="source"}[5m])) by (destination_workload,'
    ' destination_workload_namespace), "destination_workload_var", ".", "destination_workload",'
    ' "destination_workload_namespace")': 2,
    'histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{reporter="destination"}[5m])) by'
    " (le, destination_workload))": 2,
    'sum(rate(istio_response_bytes_sum{reporter="destination"}[5m])) by (destination_workload)': 2,
    'sum(mesh_attempts_total{source_workload="webapp"})': 1,
}
"""Queries as Istio's boards and its book ask them, and how many series answer."""


def board_queries() -> set[str]:
    """Return what this project's boards ask of Istio's metrics alone, each variable standing for anything."""
    documents = [json.loads(written(board)) for board in BOARDS]
    targets = [target for board in documents for panel in board["panels"] for target in panel.get("targets", ())]
    queries = {str(target["expr"]).replace("$__rate_interval", "5m") for target in targets}
    of_istio = {query for query in queries if "istio_re" in query and "container_" not in query}
    return {re.sub(r"=~?\"\$\w+\"", '=~".*"', query) for query in of_istio}


@dataclass(frozen=True, slots=True)
class Real:
    """A mesh with a real one, half of whose catalog's answers were errors that retries healed."""

    cluster: Cluster
    first: int
    folder: Path
    name: str

    def get(self, page: int, path: str, **parameters: str) -> Any:
        address = f"http://127.0.0.1:{self.first + page}{path}"
        return httpx.get(address, params=parameters, trust_env=False, timeout=20).json()

    def ask(self, query: str) -> list[Any]:
        answer = self.get(0, "/api/v1/query", query=query)
        assert answer["status"] == "success", (query, answer)
        return list(answer["data"]["result"])

    def value(self, query: str) -> float:
        """Return a query's only value, 0 while there is none or nobody answers."""
        try:
            return sum(float(series["value"][1]) for series in self.ask(query))
        except (httpx.HTTPError, json.JSONDecodeError):
            return 0

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter(["cmdline"]) if self._is_mine(process)]

    def _is_mine(self, process: psutil.Process) -> bool:
        words = process.info["cmdline"] or [""]
        try:
            return Path(words[0]).name == self.name and self.folder in Path(process.cwd()).parents
        except psutil.Error:
            return False


@pytest.fixture(scope="module", params=ON_PATH or [pytest.param("", marks=pytest.mark.skip(
    f"none of {', '.join(REAL)} is on the PATH"))])  # fmt: skip
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder, tools = tmp_path_factory.mktemp("m"), tmp_path_factory.mktemp("path")
    (tools / request.param).symlink_to(str(found_on_path(request.param)))
    first = next(port for port in range(31700, 31900, 4) if not any(map(is_taken, range(port, port + 4))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        with local_mesh(folder, first) as cluster:
            cluster.kubectl("apply", "-k", "k8s/base")
            cluster.kubectl("apply", "-f", "k8s/experiments/catalog-retries.yaml")
            cluster.ready("catalog", "webapp")
            cluster.ready("kiali", "prometheus", namespace="istio-system")
            assert cluster.run(["bin/chaos.sh", "-n", "istioinaction", "500", "50"]).returncode == 0
            mesh = Real(cluster, first, folder, request.param)
            eventually(lambda: mesh.value("up") == 1, "it scrapes")
            for _ in range(REQUESTS):
                cluster.get("/api/catalog")
            yield mesh
    assert mesh.processes() == []


def test_queries_give_their_numbers_on_a_real_one(real: Real) -> None:
    eventually(lambda: real.value(COUNT) == REQUESTS, "each call is counted once")
    for query, count in BOOK.items():
        assert len(real.ask(query)) == count, query
    for query in board_queries():
        assert real.ask(query), query
    assert real.value('sum(mesh_attempts_total{source_workload="webapp"})') > REQUESTS
    assert real.value(next(iter(list(BOOK)[1:]))) > 0.8


def test_the_mesh_page_asks_the_real_one(real: Real) -> None:
    picture = real.get(2, "/api/picture", window="300")
    assert picture["missing"] == []
    (edge,) = [edge for edge in picture["edges"] if edge["source"].endswith("/webapp")]
    assert edge["secured"] == 1
    assert edge["attempt_success"] < edge["success"]
    assert picture["series"]


def test_it_is_a_pod_that_is_started_again(real: Real) -> None:
    (process,) = real.processes()
    process.kill()
    eventually(lambda: [running.pid for running in real.processes()] not in ([], [process.pid]), "it runs again")
    eventually(lambda: real.value("up") == 1, "it scrapes again")
    assert real.value(COUNT) == REQUESTS
