"""Every command of the tutorial that docs/tutorial.md says works, typed in the tutorial's order.

On a local mesh, or with TEST_CLUSTER=1 in the cluster that KUBECONFIG names. Each step takes over what the steps before
it left, as a reader does.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localmesh.core.loopback import is_free
from tests.docs.tutorial import COMMANDS, cluster_cell, fits, local_cell
from tests.system import typed_cluster
from tests.system.cluster import Cluster, environment_for
from tests.system.local import free_port, local_mesh
from tests.system.typed import ANSWERS, ENDLESS, HEREDOCS, Typed, at_this_mesh, bounded, opened

pytestmark = [pytest.mark.long, pytest.mark.mesh]

IN_CLUSTER = "TEST_CLUSTER" in os.environ
CELL = cluster_cell if IN_CLUSTER else local_cell
SAID = ANSWERS | (typed_cluster.ANSWERS if IN_CLUSTER else {})
WORKING = [command for command in COMMANDS if CELL(command).startswith(("works", "instead: `mesh proxy-"))]
ELSEWHERE = re.compile(r"(not|neither was) (tried|opened) here|works where \w+ is installed|works with Istio 1.17")
"""How a cell says that a tool of the reader's own must be there, or what was not to be had."""
IN_NODE = "docker exec -it myk8s-control-plane "
FORWARDED = (8080, 15000, 20001)
CLEAR = """
kubectl delete namespace istioinaction --ignore-not-found
kubectl delete pod netshoot -n default --ignore-not-found
kubectl delete -k k8s/bookinfo -n default --ignore-not-found
kubectl label namespace default istio-injection-
kubectl config set-context --current --namespace=default
"""
PODS = """
gateway_pod() { kubectl get pod -n istio-system -l app=istio-ingressgateway -o jsonpath='{.items[0].metadata.name}'; }
webapp_pod() { kubectl get pod -n istioinaction -l app=webapp -o jsonpath='{.items[0].metadata.name}'; }
ISTIOIGW=$(gateway_pod).istio-system WEBAPP=$(webapp_pod).istioinaction
"""


@dataclass(slots=True)
class Reader:
    """Who types, and what runs in the background meanwhile."""

    cluster: Cluster
    home: Path
    ports: dict[int, int]
    forwards: list[subprocess.Popen[str]] = field(default_factory=list)

    def type(self, command: str) -> tuple[int, str]:
        """Run a line in bash as an interactive shell would, and return its exit code and all that it printed."""
        folder = "cd bin && " if "chaos.sh" in command else ""
        line = at_this_mesh(folder + bounded(HEREDOCS.get(command, command)), self.ports)
        names = PODS if "$ISTIOIGW" in line or "$WEBAPP" in line else ""
        done = self.cluster.run(["env", f"HOME={self.home}", "bash", "-c", f"exec 2>&1\n{names}{line}"])
        return done.returncode, done.stdout

    def forward(self, command: str) -> str:
        """Leave a port-forward running, and return its first line."""
        *words, pair = command.removesuffix(" &").split()
        ours, theirs = pair.split(":")
        words.append(f"{self.ports[int(ours)]}:{theirs}")
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(self.cluster.environment)
        )
        self.forwards.append(process)
        assert process.stdout
        return process.stdout.readline()

    def close(self) -> None:
        """End what runs in the background."""
        for process in self.forwards:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    first = next(port for port in range(31500, 32700, 4) if all(map(is_free, range(port, port + 4))))
    forwarded = {port: free_port() for port in FORWARDED}
    with in_cluster() if IN_CLUSTER else local_mesh(tmp_path_factory.mktemp("mesh"), telemetry=first) as cluster:
        pages = {30001 + number: (30001 if IN_CLUSTER else first) + number for number in range(4)}
        ports = {30000: int(cluster.gateway.rpartition(":")[2]), **pages, **forwarded}
        reader = Reader(cluster, tmp_path_factory.mktemp("home"), ports)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def in_cluster() -> Iterator[Cluster]:
    """The cluster that KUBECONFIG names, without anything of the tutorial before and afterwards."""
    kubeconfig = os.environ.get("KUBECONFIG", str(Path.home() / ".kube" / "config"))
    cluster = Cluster(os.environ.get("GATEWAY_URL", "http://127.0.0.1:30000"), environment_for(kubeconfig))
    cluster.sh(CLEAR)
    yield cluster
    cluster.sh(CLEAR)


def expected(command: str) -> Typed:
    """Return what the command says, by the most exact of the patterns that fit it."""
    return SAID[max((pattern for pattern in SAID if fits(pattern, command)), key=len)]


def as_the_cell_says(command: str) -> str:
    """Return a command as it is typed in this place: outside of the node, and `mesh` for istioctl."""
    cell = CELL(command)
    if cell.startswith("instead: `mesh proxy-status`"):
        return "mesh proxy-status"
    if cell.startswith("instead: `mesh"):
        return command.replace(f"{IN_NODE}istioctl", "mesh")
    return command.removeprefix(IN_NODE)


def istio_samples() -> Path | None:
    """Return Istio's samples: ISTIO_SAMPLES, or those in the module istio.io/istio of this machine's Go."""
    if named := os.environ.get("ISTIO_SAMPLES"):
        return Path(named)
    if IN_CLUSTER or not shutil.which("go"):  # in a cluster their images have to be there, too
        return None
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    return max(Path(cache, "istio.io").glob("istio@*/samples"), default=None)


def with_samples(command: str) -> str:
    """Return a command with the path of Istio's own files in place, or with ours where Istio's are not here."""
    if " samples/" not in command:
        return command
    if samples := istio_samples():
        return command.replace(" samples/", f" {samples}/")
    if command.startswith("kubectl apply -f samples/bookinfo/platform"):
        return "kubectl apply -k k8s/bookinfo"
    pytest.skip("Istio's samples are not here (ISTIO_SAMPLES=DIR names them); k8s/bookinfo was applied")


def needs_addons(command: str) -> bool:
    return IN_CLUSTER and "make addons" in CELL(command)


def addons(cluster: Cluster) -> bool:
    return "prometheus" in cluster.kubectl("get", "svc", "-n", "istio-system", "-o", "name")


@pytest.mark.parametrize("command", WORKING)
def test_it_works_as_typed(reader: Reader, command: str) -> None:
    if ELSEWHERE.search(CELL(command)):
        pytest.skip(f"needs what may not be here: {CELL(command)}")
    if needs_addons(command) and not addons(reader.cluster):
        pytest.skip("make addons")
    typed = expected(command)
    if typed.first:
        code, said = reader.type(typed.first)
        assert code == 0, said
    if "port-forward" in command:
        renamed = command.replace(" deployment/deploy-websrv", " deployment/productpage-v1")
        assert re.search(typed.says, reader.forward(renamed))
        return
    line = with_samples(as_the_cell_says(command)).partition(" && kind delete")[0]
    if line.startswith("open "):
        line = opened(line, reader.ports)
    code, said = reader.type(line)
    assert code == (ENDLESS if bounded(line) != line else 0), said
    assert re.search(at_this_mesh(typed.says, reader.ports), said, re.MULTILINE), said


@pytest.mark.parametrize("pattern", typed_cluster.ANSWERS if IN_CLUSTER else ANSWERS)
def test_each_answer_belongs_to_a_command(pattern: str) -> None:
    typed = [command for command in WORKING if not ELSEWHERE.search(CELL(command))]
    assert [command for command in typed if expected(command) is SAID[pattern]], pattern
