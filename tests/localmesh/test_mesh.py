"""The command `mesh` as a user meets it: what it says when something is in the way, and that nothing is left behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from localmesh.core.landlock import scopes_signals
from tests.system.cluster import Cluster, environment_for
from tests.system.load import Load
from tests.system.local import MESH, free_port, local_mesh

PATIENCE_S = 30


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with local_mesh(tmp_path_factory.mktemp("mesh")) as cluster:
        yield cluster


def folder_of(mesh: Cluster) -> Path:
    return Path(mesh.environment["MESH_DIR"])


def supervisor_of(mesh: Cluster) -> psutil.Process:
    return psutil.Process(json.loads((folder_of(mesh) / "lock").read_text())["pid"])


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def has_been_asked(environment: dict[str, str]) -> bool:
    """Tell whether a request has come through the gateway to catalog's proxy."""
    where = ("deploy/catalog", "-n", "istioinaction", "-c", "istio-proxy")
    stats = ("curl", "-s", "localhost:15000/stats?filter=downstream_rq_total")
    said = Cluster("", environment).kubectl("exec", *where, "--", *stats)
    return "http.inbound_0.0.0.0_3000;.downstream_rq_total: 1\n" in said


def test_status_says_where_everything_is(mesh: Cluster) -> None:
    done = mesh.run([MESH, "status"])
    assert done.returncode == 0
    assert mesh.gateway in done.stdout
    assert str(folder_of(mesh) / "kubeconfig") in done.stdout
    assert "istio-ingressgateway" in done.stdout


@pytest.mark.skipif(not scopes_signals(), reason="only Linux 6.12 and newer, with Landlock on, scopes signals")
def test_a_signal_from_a_pod_reaches_nobody_outside_of_the_mesh(mesh: Cluster) -> None:
    gateway = ("exec", "-n", "istio-system", "deploy/istio-ingressgateway", "--")
    done = mesh.run(["kubectl", *gateway, "sh", "-c", f"kill -0 {os.getpid()}"])
    assert done.returncode == 1
    assert "Operation not permitted" in done.stderr
    assert mesh.kubectl(*gateway, "sh", "-c", "sleep 60 & kill $! && echo ended") == "ended\n"
    assert json.loads((folder_of(mesh) / "lock").read_text())["confines_signals"]


def test_a_second_up_is_refused_in_one_line(mesh: Cluster) -> None:
    done = mesh.run([MESH, "up", "--gateway-port", str(free_port())])
    assert done.returncode == 1
    assert done.stderr.startswith("mesh: a mesh already runs in this checkout (pid ")
    assert len(done.stderr.splitlines()) == 1


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    elsewhere = Cluster("", {**os.environ, "MESH_DIR": str(tmp_path)})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = elsewhere.run([MESH, "up", "--gateway-port", str(port)])
    assert done.returncode == 1
    assert done.stderr.startswith(f"mesh: port {port} on 127.0.0.1 is taken")
    assert len(done.stderr.splitlines()) == 1
    assert elsewhere.run([MESH, "status"]).returncode == 1


def test_down_without_a_mesh_is_no_error(tmp_path: Path) -> None:
    done = Cluster("", {**os.environ, "MESH_DIR": str(tmp_path)}).run([MESH, "down"])
    assert (done.returncode, done.stdout) == (0, "no mesh runs in this checkout\n")


def test_the_kubeconfig_is_for_its_owner_alone(mesh: Cluster) -> None:
    assert stat.S_IMODE(folder_of(mesh).stat().st_mode) == 0o700
    assert stat.S_IMODE((folder_of(mesh) / "kubeconfig").stat().st_mode) == 0o600


def test_nothing_listens_beyond_loopback(mesh: Cluster) -> None:
    addresses = {
        connection.laddr.ip
        for process in family(supervisor_of(mesh))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_sourcing_the_environment_gives_kubectl_and_mesh_and_no_other_python(mesh: Cluster) -> None:
    script = f"source {folder_of(mesh)}/env && command -v kubectl mesh python3 && kubectl get ns -o name"
    bare = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "MESH_DIR")}
    said = Cluster("", bare).sh(script).splitlines()
    assert said[:2] == [f"{folder_of(mesh)}/bin/kubectl", f"{folder_of(mesh)}/bin/mesh"]
    assert not said[2].startswith(str(folder_of(mesh)))
    assert "namespace/istio-system" in said


def test_patching_the_node_port_moves_the_gateways_listener(mesh: Cluster) -> None:
    mesh.kubectl("apply", "-k", "k8s/base")
    mesh.ready("webapp", "catalog")
    before, after = int(mesh.gateway.rpartition(":")[2]), free_port()
    eventually(lambda: listens(before), "the gateway listens")
    for port, other in ((after, before), (before, after)):
        patch = f'{{"spec": {{"ports": [{{"port": 80, "targetPort": 8080, "nodePort": {port}}}]}}}}'
        mesh.kubectl("patch", "svc", "-n", "istio-system", "istio-ingressgateway", "-p", patch)
        eventually(lambda port=port: listens(port), f"the gateway listens on {port}")
        eventually(lambda other=other: not listens(other), f"nothing listens on {other} any more")
        assert httpx.get(f"http://127.0.0.1:{port}/api/catalog", trust_env=False).status_code == 200


def test_no_request_fails_while_the_gateway_restarts(mesh: Cluster) -> None:
    mesh.kubectl("apply", "-k", "k8s/base")
    mesh.ready("webapp", "catalog")
    eventually(lambda: listens(int(mesh.gateway.rpartition(":")[2])), "the gateway listens")
    gateway = ("deploy/istio-ingressgateway", "-n", "istio-system")
    with Load(f"{mesh.gateway}/api/catalog") as load:
        load.wait_for(20)
        before = mesh.kubectl("get", "pods", "-n", "istio-system", "-o", "name")
        mesh.kubectl("rollout", "restart", *gateway)
        mesh.kubectl("rollout", "status", *gateway, "--timeout=30s")
        mesh.kubectl("wait", "-n", "istio-system", "--for=delete", before.strip(), "--timeout=30s")
        load.wait_for(50)
    assert load.failed == {}


def test_a_field_that_is_not_supported_yet_is_refused_by_name(mesh: Cluster) -> None:
    document = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: bound, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [bound.example], bind: 127.0.0.1}]
"""
    said = mesh.kubectl("apply", "-f", "-", stdin=document, check=False)
    assert 'admission webhook "validation.istio.io" denied the request: configuration is invalid: spec.' in said
    assert "bind" in said
    assert "bound" not in mesh.kubectl("get", "gw", "-A")


def test_what_envoy_refuses_is_said_of_the_object_until_it_is_mended(mesh: Cluster) -> None:
    """Istiod's webhook does not know Envoy's operators of header values either."""
    document = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: operators}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [operators.example]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: operators}
spec:
  hosts: [operators.example]
  gateways: [operators]
  http:
  - headers: {request: {set: {x-from: '%OPERATOR%'}}}
    route: [{destination: {host: operators.example}}]
"""

    def conditions() -> list[str]:
        status = mesh.json("get", "vs", "operators", "-n", "default").get("status", {})
        return [each["message"] for each in status.get("conditions", ())]

    mesh.kubectl("apply", "-n", "default", "-f", "-", stdin=document.replace("OPERATOR", "NOBODY_KNOWS"))
    eventually(lambda: len(conditions()) == 1, "the VirtualService has a condition")
    assert conditions() == ["Envoy refuses RDS http.8080: Not supported field in StreamInfo: NOBODY_KNOWS"]
    assert "NotTranslated" in mesh.kubectl("get", "events", "-n", "default")
    mesh.kubectl("apply", "-n", "default", "-f", "-", stdin=document.replace("OPERATOR", "PROTOCOL"))
    eventually(lambda: conditions() == [], "the condition is taken back")
    mesh.kubectl("delete", "vs,gw", "operators", "-n", "default")


def test_an_image_that_nothing_stands_for_is_image_pull_back_off(mesh: Cluster) -> None:
    mesh.kubectl("run", "stranger", "-n", "default", "--image=example/unknown:1")
    eventually(lambda: "ImagePullBackOff" in mesh.kubectl("get", "pod", "stranger", "-n", "default"), "it backs off")
    assert "example/unknown:1" in mesh.kubectl("describe", "pod", "stranger", "-n", "default")
    mesh.kubectl("delete", "pod", "stranger", "-n", "default")


def test_a_program_that_dies_is_restarted_counted_and_backed_off(mesh: Cluster) -> None:
    command = ["--image=nicolaka/netshoot", "--command", "--", "sh", "-c", "echo last words; exit 3"]
    mesh.kubectl("run", "crasher", "-n", "default", *command)
    eventually(lambda: "CrashLoopBackOff" in mesh.kubectl("get", "pod", "crasher", "-n", "default"), "it backs off")
    pod = mesh.json("get", "pod", "crasher", "-n", "default")["status"]["containerStatuses"][0]
    assert pod["restartCount"] >= 1
    assert pod["lastState"]["terminated"]["exitCode"] == 3
    assert mesh.kubectl("logs", "crasher", "-n", "default", "--previous") == "last words\n"
    mesh.kubectl("delete", "pod", "crasher", "-n", "default")


def test_istioctls_tables_show_where_a_route_comes_from(mesh: Cluster) -> None:
    status = mesh.run([MESH, "ps"])
    assert status.returncode == 0, status.stderr
    assert "webapp-" in status.stdout
    routes = mesh.run([MESH, "proxy-config", "routes", "deploy/istio-ingressgateway.istio-system"])
    assert routes.stdout.splitlines()[0].split() == ["NAME", "VHOST", "NAME", "DOMAINS", "MATCH", "VIRTUAL", "SERVICE"]
    assert routes.stdout.splitlines()[1].endswith("webapp-virtualservice.istioinaction")


def test_a_killed_supervisor_leaves_no_process_and_no_lock(tmp_path: Path) -> None:
    with local_mesh(tmp_path) as mesh:
        mesh.kubectl("run", "shell", "--image=nicolaka/netshoot", "--command", "--", "sleep", "600")
        mesh.kubectl("wait", "pod/shell", "--for=condition=Ready", "--timeout=30s")
        everybody = family(supervisor_of(mesh))
        assert len(everybody) >= 4
        everybody[0].send_signal(signal.SIGKILL)
        alive = psutil.wait_procs(everybody, timeout=PATIENCE_S)[1]
        assert not alive
        assert mesh.run([MESH, "status"]).returncode == 1


def test_in_the_foreground_it_streams_logs_and_ends_on_interrupt_once_all_is_answered(tmp_path: Path) -> None:
    gateway_port = free_port()
    command = [MESH, "up", "--foreground", "--gateway-port", str(gateway_port), "--api-port", str(free_port())]
    folder = tmp_path / "with a blank"
    environment = {**environment_for(str(folder / "kubeconfig")), "MESH_DIR": str(folder)}
    up = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert up.stdout is not None
    try:
        said = []
        for line in up.stdout:
            said.append(line)
            if "ends everything" in line:
                break
        assert any(line.startswith("[istioinaction/webapp-") for line in said), said
        assert any(f"source '{folder}/env' " in line for line in said)
        everybody = psutil.Process(up.pid).children(recursive=True)
        applied = Cluster("", environment).kubectl("apply", "-k", "k8s/base").splitlines()
        assert [line for line in applied if not line.endswith(" unchanged")] == []
        Cluster("", environment).run(["bin/chaos.sh", "-n", "istioinaction", "latency", "2000"])
        # Without their collector, services would try to deliver what they have recorded until their patience is over.
        Cluster("", environment).ready("jaeger", namespace="istio-system")
        with ThreadPoolExecutor() as pool:
            url = f"http://127.0.0.1:{gateway_port}/api/catalog"
            answer = pool.submit(httpx.get, url, trust_env=False, timeout=PATIENCE_S)
            eventually(lambda: has_been_asked(environment), "the request has reached catalog")
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=PATIENCE_S)
        assert answer.result().status_code == 200
        assert answer.result().elapsed.total_seconds() > 2
        assert not psutil.wait_procs(everybody, timeout=PATIENCE_S)[1]
    finally:
        Cluster("", environment).run([MESH, "down"])  # else the supervisor would hold this pipe open
        up.kill()
        up.communicate()
