"""Odd but admissible objects, deletions and status writes, while the storefront is under load: nothing stops."""

import base64
import json
import random
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.system.cluster import Cluster
from tests.system.load import Load
from tests.system.local import MESH, local_mesh
from tests.system.waiting import eventually

pytestmark = pytest.mark.long

OBJECTS = 100
SEED = 20261126
NATIVE = json.dumps({"initContainers": ["istio-init"], "containers": None, "volumes": None})
ODD_ANNOTATIONS = (
    {"sidecar.istio.io/status": NATIVE},
    {"sidecar.istio.io/status": "no json"},
    {"localmesh/addresses": "x"},
    {"sidecar.istio.io/inject": "maybe", "inject.istio.io/templates": "none"},
    {"networking.istio.io/exportTo": "~"},
)
ODD_STATUSES: tuple[Any, ...] = (
    {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    {"containerStatuses": []},
    {"podIP": "::1"},
    "broken",
    None,
)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with local_mesh(tmp_path_factory.mktemp("mesh")) as cluster:
        yield cluster


def api_of(mesh: Cluster, folder: Path) -> httpx.Client:
    """Return a client of the API with the kubeconfig's certificates."""
    kubeconfig = yaml.safe_load(Path(mesh.environment["KUBECONFIG"]).read_text())
    user, cluster = kubeconfig["users"][0]["user"], kubeconfig["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    pair = folder / "pair.pem"
    pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
    context.load_cert_chain(pair)
    return httpx.Client(base_url=cluster["server"], verify=context, trust_env=False, timeout=30)


def configuration(mesh: Cluster) -> dict[str, Any]:
    """Return the clusters, endpoints and listeners that webapp's Envoy runs; when they came does not matter."""
    where = ("deploy/webapp", "-n", "istioinaction", "-c", "istio-proxy")
    dump = json.loads(mesh.kubectl("exec", *where, "--", "pilot-agent", "request", "GET", "config_dump?include_eds"))
    found: dict[str, Any] = {}
    for section in dump["configs"]:
        for part, entries in section.items():
            # A listener that is gone drains for ten minutes, and keeps its routes as long.
            if part in ("dynamic_active_clusters", "dynamic_listeners", "dynamic_endpoint_configs"):
                lasting = [each for each in entries if "draining_state" not in each or "active_state" in each]
                found |= {f"{part} {name_of(each)}": without_moment(each) for each in lasting}
    return found


def name_of(entry: Any) -> str:
    """Return a name that the entry alone has in its part of the dump."""
    inner = next((entry[key] for key in ("cluster", "route_config", "endpoint_config") if key in entry), entry)
    return str(inner.get("name") or inner.get("cluster_name"))


def without_moment(node: Any) -> Any:
    """Return a part of a dump without when and under which number it came."""
    if isinstance(node, dict):
        return {k: without_moment(v) for k, v in node.items() if k not in ("last_updated", "version_info")}
    return [without_moment(each) for each in node] if isinstance(node, list) else node


def odd(dice: random.Random, name: str) -> tuple[str, dict[str, Any]]:
    """Return the path of a collection and an object for it."""
    annotations = dice.choice(ODD_ANNOTATIONS)
    metadata = {"name": name, "annotations": annotations, "labels": {"app": dice.choice(["catalog", "odd"])}}
    core, istio = "/api/v1/namespaces/odd", "/apis/networking.istio.io/v1/namespaces/odd"
    match dice.choices(range(6), weights=[1, 5, 5, 5, 5, 5])[0]:
        case 0:
            containers = [{"name": "c", "image": dice.choice(["nicolaka/netshoot", "none/such"]), "args": ["true"]}]
            return f"{core}/pods", {"metadata": metadata, "spec": {"containers": containers}}
        case 1:
            event = {"metadata": metadata, "involvedObject": dice.choice([{}, {"kind": "Pod", "namespace": "odd"}])}
            return f"{core}/events", event
        case 2:
            port = {"port": dice.randrange(1, 65536), "name": dice.choice(["http", "tcp-x", "grpc-web", "x"])}
            selector = dice.choice([{}, {"app": "odd"}, {"app": "catalog"}])
            return f"{core}/services", {"metadata": metadata, "spec": {"ports": [port], "selector": selector}}
        case 3:
            host = dice.choice(["none", "catalog.odd", "*.odd.example", "fd00::5"])
            route = [{"route": [{"destination": {"host": host, "subset": dice.choice(["", "v9"])}}]}]
            return f"{istio}/virtualservices", {"metadata": metadata, "spec": {"hosts": [host], "http": route}}
        case 4:
            subsets = [{"name": "v9", "labels": {"version": "v9"}}]
            return f"{istio}/destinationrules", {"metadata": metadata, "spec": {"host": "none", "subsets": subsets}}
    return f"{core}/configmaps", {"metadata": metadata, "data": {"": ""} if dice.random() < 0.1 else {}}


def storm(api: httpx.Client, dice: random.Random) -> set[int]:
    """Write and delete; return the codes of the answers."""
    codes, living = set(), []
    for number in range(OBJECTS):
        path, obj = odd(dice, f"odd-{number}")
        created = api.post(path, json=obj)
        codes.add(created.status_code)
        if created.status_code == httpx.codes.CREATED:
            living.append(f"{path}/odd-{number}")
            status = created.json() | {"status": dice.choice(ODD_STATUSES)}
            codes.add(api.put(f"{living[-1]}/status", json=status).status_code)
        if living and dice.random() < 0.9:
            grace = dice.choice(["", "?gracePeriodSeconds=0"])
            codes.add(api.delete(f"{living.pop(dice.randrange(len(living)))}{grace}").status_code)
    return codes


def test_a_storm_of_odd_objects_stops_nothing(mesh: Cluster, tmp_path: Path) -> None:
    mesh.kubectl("apply", "-k", "k8s/base")
    mesh.ready("webapp", "catalog")
    mesh.kubectl("create", "ns", "odd")
    mesh.kubectl("label", "ns", "odd", "istio-injection=enabled")
    with api_of(mesh, tmp_path) as api, Load(f"{mesh.gateway}/api/catalog") as load:
        load.wait_for(50)
        assert load.failed == {}
        before = configuration(mesh)
        codes = storm(api, random.Random(SEED))
        load.wait_for(50)
        mesh.kubectl("delete", "ns", "odd", "--timeout=80s")
        eventually(lambda: configuration(mesh) == before, "webapp's Envoy runs what it ran before")
        load.wait_for(50)
    assert load.failed == {}
    assert not {code for code in codes if code >= httpx.codes.INTERNAL_SERVER_ERROR}
    assert "trouble" not in mesh.run([MESH, "status"]).stdout
    mesh.kubectl("rollout", "restart", "deploy/catalog", "-n", "istioinaction")
    mesh.ready("webapp", "catalog")
    left = mesh.kubectl("get", "pods,services,events,configmaps,vs,dr", "-A", "-o", "name")
    assert "odd-" not in left
