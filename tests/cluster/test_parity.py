"""The tutorial typed on the local mesh and in the cluster, and every answer of both laid side by side."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.system import heredocs
from tests.system.cluster import Cluster
from tests.system.local import local_mesh

pytestmark = pytest.mark.cluster

PATIENCE_S = 30
PATHS = {
    "the catalog": ("GET", "/api/catalog"),
    "the catalog's head": ("HEAD", "/api/catalog"),
    "an item": ("GET", "/api/catalog/items/1"),
    "an unknown item": ("GET", "/api/catalog/items/99"),
    "an item that is no number": ("GET", "/api/catalog/items/one"),
    "health": ("GET", "/api/healthz"),
    "users": ("GET", "/api/users"),
    "the page": ("GET", "/"),
    "a picture": ("GET", "/api/catalog/items/1/picture"),
    "an unknown path": ("GET", "/nowhere"),
    "a wrong method": ("DELETE", "/api/catalog/items/1"),
}
# What changes from one answer to the next, in either place.
VOLATILE = {"date": r".*", "x-envoy-upstream-service-time": r"\d+"}

# A pod's name, in what chaos.sh prints, in x-served-by and on the page.
POD = re.compile(r"(catalog(?:-v2)?|webapp)-[a-z0-9]{6,10}-[a-z0-9]{5}\b")

# What differs for a reason.
EXPECTED = {
    "a weight below zero / said": "the local mesh says at which field istiod's rule was broken",
    "a misspelt field / said": "the local mesh asks whether another field was meant",
    "from outside the mesh": "exec's requests go through a proxy of the local mesh, which closes each connection; and "
    "Envoy names its route in x-envoy-decorator-operation only where tracing is set up, as the demo profile does",
}

Record = dict[str, object]


def test_each_step_of_the_tutorial_is_answered_alike_in_both_places(cluster: Cluster, tmp_path: Path) -> None:
    with local_mesh(tmp_path / "mesh") as local:
        here = dict(tour(local))
    there = dict(tour(cluster))
    for place, record in (("local", here), ("cluster", there)):
        (tmp_path / f"{place}.json").write_text(json.dumps(record, indent=2))
    differences = {
        step: {"local mesh": here.get(step), "cluster": there.get(step)}
        for step in sorted({*here, *there})
        if here.get(step) != there.get(step)
    }
    unexpected = {step: both for step, both in differences.items() if step not in EXPECTED}
    assert not unexpected, f"records are in {tmp_path}:\n{json.dumps(unexpected, indent=2)}"
    assert differences.keys() == EXPECTED.keys(), "these no longer differ"


def tour(cluster: Cluster) -> Iterator[tuple[str, object]]:
    """Go through 2.3 and 2.4 and record what is said at each step."""
    start_anew(cluster)
    yield from typed(cluster, "namespace", "kubectl create ns istioinaction")
    yield from typed(cluster, "label", "kubectl label namespace istioinaction istio-injection=enabled")
    for name in ("catalog", "webapp"):
        yield from typed(cluster, name, f"kubectl apply -f services/{name}/kubernetes/{name}.yaml -n istioinaction")
    cluster.ready("catalog", "webapp")
    yield "before the gateway", status(cluster)
    yield from typed(cluster, "netshoot", "kubectl apply -f k8s/experiments/netshoot.yaml")
    cluster.kubectl("wait", "-n", "default", "pod/netshoot", "--for=condition=Ready", "--timeout=60s")
    yield "from outside the mesh", inside(cluster, "http://catalog.istioinaction/items/1")
    yield from typed(cluster, "gateway", heredocs.GATEWAY)
    eventually_answers(cluster, 200)
    for name, (method, path) in PATHS.items():
        yield from asked(cluster, name, method, path)
    yield from broken(cluster)
    yield from routed(cluster)
    yield from taken_away(cluster)


def broken(cluster: Cluster) -> Iterator[tuple[str, object]]:
    """Record faults, and what retries make of them."""
    yield from typed(cluster, "chaos 100", "bin/chaos.sh -n istioinaction 500 100")
    yield from asked(cluster, "the catalog when it fails", "GET", "/api/catalog")
    yield from asked(cluster, "the page when the catalog fails", "GET", "/")
    yield from typed(cluster, "retries", heredocs.RETRIES)
    eventually(lambda: attempts(cluster) == 4, "one request is tried four times")
    yield from asked(cluster, "the catalog when retries do not help", "GET", "/api/catalog")
    yield from typed(cluster, "chaos delete", "bin/chaos.sh -n istioinaction 500 delete")
    yield from asked(cluster, "the catalog healed", "GET", "/api/catalog")


def routed(cluster: Cluster) -> Iterator[tuple[str, object]]:
    """Record routes to versions, first to one that nothing defines."""
    yield from typed(cluster, "v1 alone, undefined", heredocs.V1_ONLY)
    eventually_answers(cluster, 500)
    yield from asked(cluster, "a subset that is not defined", "GET", "/api/catalog")
    yield from typed(cluster, "subsets", heredocs.SUBSETS)
    yield from typed(cluster, "catalog v2", heredocs.CATALOG_V2)
    cluster.ready("catalog-v2")
    eventually_answers(cluster, 200)
    yield from asked(cluster, "v1 alone", "GET", "/api/catalog")
    yield from typed(cluster, "dark launch", heredocs.DARK_LAUNCH)
    # That Deployment has no readiness probe: its pod counts as ready before it listens.
    eventually(lambda: "imageUrl" in cluster.get("/api/catalog", x_dark_launch="v2").text, "v2 answers")
    yield from asked(cluster, "not in the dark", "GET", "/api/catalog")
    yield from asked(cluster, "in the dark", "GET", "/api/catalog", {"x-dark-launch": "v2"})
    yield from typed(cluster, "a weight below zero", NEGATIVE)
    yield from typed(cluster, "a misspelt field", MISSPELT)


def taken_away(cluster: Cluster) -> Iterator[tuple[str, object]]:
    """Record what is left when parts go."""
    cluster.kubectl("scale", "deploy/webapp", "--replicas=0", "-n", "istioinaction")
    eventually_answers(cluster, 503)
    yield from asked(cluster, "webapp scaled to nothing", "GET", "/api/catalog")
    cluster.kubectl("delete", "vs", "webapp-virtualservice", "-n", "istioinaction")
    eventually_answers(cluster, 404)
    yield from asked(cluster, "a gateway without a route", "GET", "/api/catalog")
    yield from typed(cluster, "clean-up", "kubectl delete deploy,svc,gw,vs,dr --all -n istioinaction")
    eventually_answers(cluster, 0)


def start_anew(cluster: Cluster) -> None:
    cluster.kubectl("delete", "namespace", "istioinaction", "--ignore-not-found")
    cluster.kubectl("delete", "pod", "netshoot", "-n", "default", "--ignore-not-found")


def typed(cluster: Cluster, step: str, script: str) -> Iterator[tuple[str, object]]:
    """Record what a command prints, its exit status, and nothing of the names and hashes that a cluster makes up."""
    done = cluster.run(["bash", "-uo", "pipefail", "-c", script])
    yield f"{step} / said", POD.sub(r"\1-…", done.stdout + done.stderr)
    yield f"{step} / exit status", done.returncode


def asked(
    cluster: Cluster, step: str, method: str, path: str, headers: dict[str, str] | None = None
) -> Iterator[tuple[str, object]]:
    """Record status, headers and body of one answer of the gateway."""
    answer = httpx.request(method, cluster.gateway + path, headers=headers, timeout=30, trust_env=False)
    yield f"{step} / status", answer.status_code
    yield f"{step} / headers", {name: settled(name, value) for name, value in sorted(answer.headers.items())}
    yield f"{step} / body", POD.sub(r"\1-…", answer.text)


def settled(name: str, value: str) -> str:
    """Replace what changes from one answer to the next, if it is of the form that it should have, and pods' names."""
    form = VOLATILE.get(name)
    return "…" if form and re.fullmatch(form, value) else POD.sub(r"\1-…", value)


def inside(cluster: Cluster, url: str) -> list[str]:
    """Return head and body as netshoot gets them."""
    answer = cluster.kubectl("exec", "-n", "default", "netshoot", "--", "curl", "-si", url)
    head, _, body = answer.partition("\n\n")  # read as text, so without the carriage returns
    first, *lines = head.splitlines()
    pairs = sorted(line.split(": ", 1) for line in lines)
    return [first, *(f"{name}: {settled(name, value)}" for name, value in pairs), body]


def status(cluster: Cluster) -> int:
    """Return the gateway's status for the catalog, 0 while nobody listens, or no longer does."""
    try:
        return cluster.get("/api/catalog").status_code
    except httpx.TransportError:
        return 0


def attempts(cluster: Cluster) -> int:
    """Ask for the catalog once and return how often catalog's fault was hit by that."""
    blowup = "kubectl exec -n istioinaction deploy/catalog -c catalog -- curl -s localhost:3000/blowup"
    before = json.loads(cluster.sh(blowup))["500"]["hit"]
    cluster.get("/api/catalog")
    return int(json.loads(cluster.sh(blowup))["500"]["hit"] - before)


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for what happens in its own time, such as handing configuration to proxies."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.1)


def eventually_answers(cluster: Cluster, expected: int) -> None:
    eventually(lambda: status(cluster) == expected, f"the gateway answers {expected}")


NEGATIVE = """
cat <<EOF | kubectl -n istioinaction apply -f -
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: refused
spec:
  hosts:
  - catalog
  http:
  - route:
    - destination:
        host: catalog
      weight: -5
    - destination:
        host: webapp
      weight: 105
EOF
"""

MISSPELT = """
cat <<EOF | kubectl -n istioinaction apply -f -
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: refused
spec:
  hosts:
  - catalog
  http:
  - rout:
    - destination:
        host: catalog
EOF
"""
