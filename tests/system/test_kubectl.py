"""kubectl's commands, as sections 2.3 and 2.4 use them, beyond what the tutorial's own steps show."""

import json
import random
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import yaml

from tests.system.cluster import PATIENCE_S, Cluster

pytestmark = pytest.mark.mesh

NS = "istioinaction"


@pytest.fixture(scope="module", autouse=True)
def _storefront(cluster: Cluster) -> Iterator[None]:
    cluster.kubectl("apply", "-k", "k8s/base")
    cluster.kubectl("apply", "-f", "k8s/experiments/netshoot.yaml")
    cluster.ready("catalog", "webapp")
    cluster.kubectl("wait", "pod/netshoot", "-n", "default", "--for=condition=Ready", "--timeout=60s")
    yield
    cluster.kubectl("delete", "-f", "k8s/experiments/netshoot.yaml")


def pod_of(cluster: Cluster, app: str) -> str:
    """Return the one pod of an app, once those before it have ended."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        names = cluster.kubectl("get", "pod", "-n", NS, "-l", f"app={app}", "-o", "name").split()
        if len(names) == 1:
            return names[0].removeprefix("pod/")
        assert time.monotonic() < deadline, names
        time.sleep(0.2)


def proxy_log(cluster: Cluster, workload: str) -> str:
    return cluster.kubectl("logs", f"deploy/{workload}", "-n", NS, "-c", "istio-proxy", "--tail=-1")


def wait_for(text: str, cluster: Cluster, workload: str) -> str:
    """Wait until a sidecar's access log, which is written in batches, has a line with the text; return that line."""
    deadline = time.monotonic() + 20
    while True:
        for line in proxy_log(cluster, workload).splitlines():
            if text in line:
                return line
        assert time.monotonic() < deadline, f"no line with {text!r} in {workload}'s access log"
        time.sleep(0.2)


def test_applying_again_changes_nothing(cluster: Cluster) -> None:
    again = cluster.kubectl("apply", "-k", "k8s/base").splitlines()
    assert len(again) == 9
    assert [line for line in again if not line.endswith(" unchanged")] == []


def test_get_prints_wide_names_labels_json_and_jsonpath(cluster: Cluster) -> None:
    wide = cluster.kubectl("get", "pods", "-n", NS, "-o", "wide")
    assert re.search(r"^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES", wide)
    assert cluster.kubectl("get", "svc", "-n", NS, "-o", "name") == "service/catalog\nservice/webapp\n"
    assert "app=catalog" in cluster.kubectl("get", "deploy", "-n", NS, "--show-labels")
    pods = cluster.json("get", "pods", "-A", "-l", "app in (catalog,webapp)")
    assert pods["kind"] == "List"
    assert {pod["metadata"]["namespace"] for pod in pods["items"]} == {NS}
    one = yaml.safe_load(cluster.kubectl("get", "deploy", "webapp", "-n", NS, "-o", "yaml"))
    assert one["apiVersion"] == "apps/v1"
    images = "{.spec.template.spec.containers[*].image}"
    assert "istioinaction/webapp" in cluster.kubectl("get", "deploy/webapp", "-n", NS, "-o", f"jsonpath={images}")


def test_endpoints_are_the_addresses_that_answer(cluster: Cluster) -> None:
    pod_ip = cluster.json("get", "pod", pod_of(cluster, "catalog"), "-n", NS)["status"]["podIP"]
    endpoints = cluster.kubectl("get", "ep", "catalog", "-n", NS, "--no-headers", check=False)
    assert re.search(rf"catalog +{re.escape(pod_ip)}:\d+ ", endpoints)
    described = cluster.kubectl("describe", "svc", "catalog", "-n", NS)
    assert re.search(rf"Endpoints: +{re.escape(pod_ip)}:\d+", described)


def test_describe_tells_containers_conditions_and_events(cluster: Cluster) -> None:
    pod = cluster.kubectl("describe", "pod", pod_of(cluster, "catalog"), "-n", NS)
    for part in ("Containers:", "istio-proxy:", "Ready ", "Events:", "Started", "ServiceAccount|Service Account"):
        assert re.search(part, pod), f"{part} is missing in\n{pod}"
    deployment = cluster.kubectl("describe", "deploy", "catalog", "-n", NS)
    assert re.search(r"Replicas: +1 desired \| 1 updated \| 1 total \| 1 available", deployment)
    assert "ScalingReplicaSet" in deployment


def test_logs_are_one_json_object_for_each_request(cluster: Cluster) -> None:
    cluster.get("/api/catalog/items/2")
    deadline = time.monotonic() + 10
    while True:
        lines = cluster.kubectl("logs", "-l", "app=webapp", "-n", NS, "-c", "webapp", "--tail=50").splitlines()
        requests = [json.loads(line) for line in lines if '"route"' in line]
        if any(request["path"] == "/api/catalog/items/2" and request["status"] == 200 for request in requests):
            assert all({"trace_id", "route", "status", "ms"} <= request.keys() for request in requests)
            return
        assert time.monotonic() < deadline, lines
        time.sleep(0.2)


def test_logs_follow_what_is_written_later(cluster: Cluster) -> None:
    pod_of(cluster, "webapp")  # waits until there is but one, so that the Deployment stands for it
    command = ["kubectl", "logs", "-f", "deploy/webapp", "-n", NS, "-c", "webapp", "--tail=0"]
    follow = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(cluster.environment))
    try:
        assert "/api/catalog/items/" in first_line(follow, lambda: cluster.get("/api/catalog/items/3"))
    finally:
        follow.kill()
        follow.communicate()


def first_line(follower: subprocess.Popen[str], provoke: Callable[[], object]) -> str:
    """Return the first line that a process prints of what is going to happen, provoked until the process hears it."""
    assert follower.stdout is not None
    deadline = time.monotonic() + PATIENCE_S
    while not select.select([follower.stdout], [], [], 0.5)[0]:
        assert time.monotonic() < deadline, f"{follower.args!r} printed nothing"
        provoke()
    return follower.stdout.readline()


def test_webapps_calls_cross_its_sidecar(cluster: Cluster) -> None:
    number = random.randrange(10**8, 10**9)
    assert cluster.get(f"/api/catalog/items/{number}").status_code == 404
    line = wait_for(f"/items/{number}", cluster, "webapp")
    assert "outbound|80||catalog.istioinaction.svc.cluster.local" in proxy_log(cluster, "webapp")
    assert f"/items/{number}" in line
    assert f"/items/{number}" in wait_for(f"/items/{number}", cluster, "catalog")


def test_a_call_by_exec_crosses_the_sidecar_of_an_injected_pod(cluster: Cluster) -> None:
    number = random.randrange(10**8, 10**9)
    url = f"http://catalog.istioinaction/items/{number}"
    cluster.kubectl("exec", "deploy/catalog", "-n", NS, "-c", "catalog", "--", "curl", "-s", url)
    line = wait_for(f"/items/{number}", cluster, "catalog")
    lines = [entry for entry in proxy_log(cluster, "catalog").splitlines() if f"/items/{number}" in entry]
    assert any("outbound|80||catalog" in entry for entry in lines), line


def test_exec_reaches_the_pods_own_ports_and_its_proxys_admin_page(cluster: Cluster) -> None:
    exec_ = ("exec", "deploy/catalog", "-n", NS)
    assert cluster.kubectl(*exec_, "-c", "catalog", "--", "curl", "-s", "localhost:3000/blowup").startswith("{")
    said = cluster.kubectl(*exec_, "-c", "istio-proxy", "--", "curl", "-s", "-X", "POST", "localhost:15000/logging")
    assert "active loggers" in said


def test_pilot_agent_asks_the_proxys_admin_page(cluster: Cluster) -> None:
    agent = ("exec", "deploy/catalog", "-n", NS, "-c", "istio-proxy", "--", "pilot-agent", "request")
    assert "server.state: 0" in cluster.kubectl(*agent, "GET", "stats?filter=server.state")
    assert "active loggers" in cluster.kubectl(*agent, "POST", "/logging")
    assert cluster.kubectl(*agent, "GET", "nowhere").startswith("invalid path. admin commands are:")
    refused = cluster.run(["kubectl", *agent, "GET", "logging"])
    assert refused.returncode == 255
    assert "received unsuccessful status code 405: Method GET not allowed, POST required" in refused.stderr


def test_exec_ends_with_the_commands_exit_code_and_takes_stdin(cluster: Cluster) -> None:
    done = cluster.run(["kubectl", "exec", "netshoot", "-n", "default", "--", "sh", "-c", "exit 7"])
    assert done.returncode == 7
    echoed = cluster.kubectl("exec", "-i", "netshoot", "-n", "default", "--", "cat", stdin="one\ntwo\n")
    assert echoed == "one\ntwo\n"


def test_a_name_that_no_service_has_fails_at_once(cluster: Cluster) -> None:
    began = time.monotonic()
    curl = ["kubectl", "exec", "netshoot", "-n", "default", "--", "curl", "-sSf", "http://nosuch.istioinaction/"]
    done = cluster.run(curl)
    assert done.returncode != 0
    assert time.monotonic() - began < 10


def test_port_forward_shows_the_page(cluster: Cluster) -> None:
    command = ["kubectl", "port-forward", "-n", NS, "deploy/webapp", ":8080"]
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(cluster.environment))
    assert forward.stdout is not None
    try:
        local = re.search(r"127\.0\.0\.1:(\d+) ->", forward.stdout.readline())
        assert local
        page = httpx.get(f"http://127.0.0.1:{local[1]}/", timeout=20, trust_env=False)
        assert "Elinor Glasses" in page.text
    finally:
        forward.kill()
        forward.communicate()


def test_scale_restart_and_patch_are_rolled_out(cluster: Cluster) -> None:
    assert cluster.kubectl("scale", "deploy/catalog", "--replicas=2", "-n", NS) == "deployment.apps/catalog scaled\n"
    cluster.ready("catalog")
    available = "{.status.availableReplicas}"
    assert cluster.kubectl("get", "deploy", "catalog", "-n", NS, "-o", f"jsonpath={available}") == "2"
    cluster.kubectl("patch", "deploy", "catalog", "-n", NS, "-p", '{"spec": {"replicas": 1}}')
    cluster.ready("catalog")
    before = pod_of_template(cluster)
    cluster.kubectl("rollout", "restart", "deploy/catalog", "-n", NS)
    cluster.ready("catalog")
    assert pod_of_template(cluster) != before


def pod_of_template(cluster: Cluster) -> str:
    """Return the newest ReplicaSet's hash among catalog's pods."""
    sets = cluster.json("get", "rs", "-n", NS, "-l", "app=catalog")["items"]
    return next(str(item["metadata"]["labels"]["pod-template-hash"]) for item in sets if item["spec"]["replicas"])


def test_a_pod_that_is_deleted_is_replaced(cluster: Cluster) -> None:
    cluster.ready("webapp")
    gone = pod_of(cluster, "webapp")
    assert f'pod "{gone}" deleted' in cluster.kubectl("delete", "pod", gone, "-n", NS)
    cluster.kubectl("wait", "deploy/webapp", "-n", NS, "--for=condition=Available", f"--timeout={PATIENCE_S}s")
    cluster.ready("webapp")
    assert pod_of(cluster, "webapp") != gone


def test_a_watch_prints_a_change(cluster: Cluster) -> None:
    command = ["kubectl", "get", "vs", "-n", NS, "--watch-only", "--no-headers"]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(cluster.environment))

    def change() -> None:
        cluster.kubectl("apply", "-f", "k8s/experiments/catalog-retries.yaml")
        cluster.kubectl("annotate", "vs", "catalog", "-n", NS, f"changed-at={time.monotonic_ns()}", "--overwrite")

    try:
        assert re.match(r'catalog +\["catalog"\] +\d+s', first_line(watch, change))
    finally:
        watch.kill()
        watch.communicate()
        cluster.kubectl("delete", "-f", "k8s/experiments/catalog-retries.yaml")


def test_a_typing_error_is_refused_with_its_path_and_changes_nothing(cluster: Cluster) -> None:
    document = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: typo, namespace: istioinaction}
spec:
  hosts: [catalog]
  http:
  - rout: [{destination: {host: catalog}}]
"""
    said = cluster.kubectl("apply", "-f", "-", stdin=document, check=False)
    assert 'unknown field "spec.http[0].rout"' in said
    assert "not found" in cluster.kubectl("get", "vs", "typo", "-n", NS, check=False)


def test_a_refusal_of_the_webhook_names_the_reason_and_changes_nothing(cluster: Cluster) -> None:
    document = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: refused, namespace: istioinaction}
spec:
  hosts: [catalog]
  http:
  - route: [{destination: {host: catalog}}]
    retries: {attempts: 3, retryOn: "5xx, reset"}
"""
    said = cluster.kubectl("apply", "-f", "-", stdin=document, check=False)
    assert 'admission webhook "validation.istio.io" denied the request' in said
    assert "reset" in said
    assert "not found" in cluster.kubectl("get", "vs", "refused", "-n", NS, check=False)


def test_the_gateways_node_port_can_be_patched(cluster: Cluster) -> None:
    port = httpx.URL(cluster.gateway).port
    ports = f'[{{"port": 80, "targetPort": 8080, "nodePort": {port}}}]'
    patch = f'{{"spec": {{"type": "NodePort", "ports": {ports}}}}}'
    service = ("svc", "-n", "istio-system", "istio-ingressgateway")
    assert "patched" in cluster.kubectl("patch", *service, "-p", patch)
    table = cluster.kubectl("get", *service)
    assert re.search(rf"istio-ingressgateway +NodePort +[\d.]+ +<none> +.*80:{port}/TCP", table)
    assert "patched" in cluster.kubectl("patch", *service, "-p", '{"spec":{"externalTrafficPolicy": "Local"}}')
    assert re.search("External Traffic Policy: +Local", cluster.kubectl("describe", *service))
