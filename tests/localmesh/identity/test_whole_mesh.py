"""Certificates in a mesh that runs, all of it STRICT: renewed under calls, and their keys nowhere to be read."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.system.cluster import CHECKOUT, Cluster, environment_for
from tests.system.load import Load
from tests.system.local import MESH, free_port
from tests.system.waiting import eventually

pytestmark = pytest.mark.long

LIFETIME_S = 20
PROXIES = (("istio-ingressgateway", "istio-system"), ("webapp", "istioinaction"), ("catalog", "istioinaction"))
RENEWALS = 3
ROUNDS = 1000
"""Of looking at serial numbers, each of which takes a moment: some 50 are needed."""

KEY = b"PRIVATE KEY"


@dataclass(frozen=True, slots=True)
class Mesh:
    cluster: Cluster
    folder: Path
    supervisor: psutil.Process

    def processes(self) -> list[psutil.Process]:
        """Return all that runs for the mesh."""
        return [self.supervisor, *self.supervisor.children(recursive=True)]

    def listening(self) -> Iterator[int]:
        """Yield the ports on which it takes connections."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                for connection in process.net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        yield connection.laddr.port


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh whose certificates end after seconds, with the overlay strict-mtls."""
    folder, gateway = tmp_path_factory.mktemp("mesh"), free_port()
    environment = {**environment_for(str(folder / "kubeconfig"), Path(MESH).parent), "MESH_DIR": str(folder)}
    cluster = Cluster(f"http://127.0.0.1:{gateway}", environment)
    command = [sys.executable, "-m", "tests.localmesh.identity.short_lived", str(LIFETIME_S)]
    ports = [f"--api-port={free_port()}", f"--gateway-port={gateway}"]
    with Path(os.devnull).open("wb") as nobody, (folder.parent / "short-lived.log").open("wb") as log:
        supervisor = subprocess.Popen(
            [*command, f"--ready-fd={nobody.fileno()}", *ports], env=environment, cwd=CHECKOUT,
            pass_fds=[nobody.fileno()], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        eventually(lambda: not cluster.run(["kubectl", "get", "namespaces"]).returncode, "kubectl is answered")
        cluster.kubectl("apply", "-f", "k8s/base/namespace.yaml")
        cluster.kubectl("apply", "-k", "k8s/overlays/strict-mtls")
        cluster.ready("catalog", "webapp")
        eventually(lambda: cluster.get("/api/catalog").status_code == 200, "gateway to webapp to catalog")
        yield Mesh(cluster, folder, psutil.Process(supervisor.pid))
    finally:
        supervisor.terminate()
        supervisor.wait(timeout=60)


def serial(cluster: Cluster, name: str, namespace: str) -> str:
    """Return the number of the certificate that a deployment's proxy shows."""
    table = cluster.sh(f"mesh proxy-config secret deploy/{name} -n {namespace}")
    found = re.search(r"^default .* true +([0-9a-f]+) ", table, re.MULTILINE)
    assert found, table
    return found[1]


def test_no_request_fails_while_each_certificate_is_renewed_again_and_again(mesh: Mesh) -> None:
    seen: dict[str, set[str]] = {name: set() for name, _ in PROXIES}
    with Load(mesh.cluster.gateway + "/api/catalog") as load:
        for _ in range(ROUNDS):
            load.wait_for(50)
            for name, namespace in PROXIES:
                seen[name].add(serial(mesh.cluster, name, namespace))
            if all(len(serials) > RENEWALS for serials in seen.values()):
                break
    assert load.failed == {}
    assert min(map(len, seen.values())) > RENEWALS
    assert len(set.union(*seen.values())) == sum(map(len, seen.values())), "no two proxies have the same"


def test_keys_lie_in_the_meshs_folder_for_its_owner_alone_and_on_no_command_line(mesh: Mesh) -> None:
    files = [path for path in mesh.folder.rglob("*") if path.is_file() and KEY in path.read_bytes()]
    assert {path.name for path in files} >= {"ca.pem"}
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    everybody = mesh.processes()
    assert len(everybody) > len(PROXIES)
    for process in everybody:
        with suppress(psutil.NoSuchProcess):
            assert KEY.decode() not in " ".join([*process.cmdline(), *process.environ().values()])


def test_no_port_and_no_page_shows_a_key(mesh: Mesh) -> None:
    pages = [
        mesh.cluster.kubectl(
            "exec", "-n", namespace, f"deploy/{name}", "-c", "istio-proxy", "--", "curl", "-s", f"localhost:15000{page}"
        )
        for name, namespace in PROXIES
        for page in ("/config_dump?include_eds", "/config_dump?resource=dynamic_active_secrets", "/certs")
    ]
    assert sum('"inline_bytes": "W3JlZGFjdGVkXQ=="' in page or "[redacted]" in page for page in pages) >= len(PROXIES)
    listening = set(mesh.listening())
    assert len(listening) > len(PROXIES)
    with httpx.Client(trust_env=False, timeout=10) as client:
        for port in listening:
            for path in ("/config_dump", "/"):
                try:
                    pages.append(client.get(f"http://127.0.0.1:{port}{path}").text)
                except httpx.TransportError:
                    continue  # TLS, or STRICT: whoever has no certificate is shown nothing
    assert not [page for page in pages if KEY.decode() in page]
