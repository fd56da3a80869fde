"""Odd but admissible objects, deletions and status writes, while the storefront is under load: nothing stops."""

import base64
import json
import random
import re
import ssl
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from localmesh.kinds.istio.honoured import HONOURED
from tests.localmesh.odd import NAMESPACE, STATUSES, odd
from tests.system.cluster import Cluster
from tests.system.load import Load
from tests.system.local import MESH, local_mesh
from tests.system.waiting import eventually

pytestmark = pytest.mark.long

OBJECTS = 1000
SEED = 20261126


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


WORKLOADS = ("deploy/webapp.istioinaction", "deploy/istio-ingressgateway.istio-system")
PARTS = ("dynamic_active_clusters", "dynamic_listeners", "dynamic_endpoint_configs", "dynamic_route_configs")


def configuration(mesh: Cluster) -> dict[str, Any]:
    """Return what webapp's and the gateway's Envoys run; when it came does not matter."""
    return {f"{workload} {name}": part for workload in WORKLOADS for name, part in running(mesh, workload).items()}


def running(mesh: Cluster, workload: str) -> dict[str, Any]:
    """Return the clusters, endpoints, listeners and routes that an Envoy runs."""
    name, _, namespace = workload.partition(".")
    where = (name, "-n", namespace, "-c", "istio-proxy")
    dump = json.loads(mesh.kubectl("exec", *where, "--", "pilot-agent", "request", "GET", "config_dump?include_eds"))
    entries = [(part, entry) for section in dump["configs"] for part in PARTS for entry in section.get(part, ())]
    # A listener that is gone drains for ten minutes, and keeps its routes as long.
    lasting = [(part, entry) for part, entry in entries if "draining_state" not in entry or "active_state" in entry]
    served = json.dumps([entry for part, entry in lasting if part == "dynamic_listeners"])
    return {
        f"{part} {name_of(entry)}": without_moment(entry)
        for part, entry in lasting
        if part != "dynamic_route_configs" or f'"route_config_name": "{name_of(entry)}"' in served
    }


def name_of(entry: Any) -> str:
    """Return a name that the entry alone has in its part of the dump."""
    inner = next((entry[key] for key in ("cluster", "route_config", "endpoint_config") if key in entry), entry)
    return str(inner.get("name") or inner.get("cluster_name"))


def without_moment(node: Any) -> Any:
    """Return a part of a dump without when and under which number it came."""
    if isinstance(node, dict):
        return {k: without_moment(v) for k, v in node.items() if k not in ("last_updated", "version_info")}
    return [without_moment(each) for each in node] if isinstance(node, list) else node


def storm(api: httpx.Client, dice: random.Random) -> dict[str, Counter[int]]:
    """Write and delete; return how often each verb was answered with which code."""
    codes: dict[str, Counter[int]] = {verb: Counter() for verb in ("create", "status", "delete")}
    living = []
    for number in range(OBJECTS):
        resource, obj = odd(dice, f"odd-{number}")
        path = f"/api{'s' if resource.group else ''}/{resource.api_version()}/namespaces/{NAMESPACE}/{resource.plural}"
        created = api.post(path, json=obj)
        codes["create"][created.status_code] += 1
        if created.status_code == httpx.codes.CREATED:
            living.append(f"{path}/odd-{number}")
            status = created.json() | {"status": dice.choice(STATUSES)}
            codes["status"][api.put(f"{living[-1]}/status", json=status).status_code] += 1
        if living and dice.random() < 0.9:
            grace = dice.choice(["", "?gracePeriodSeconds=0"])
            gone = living.pop(dice.randrange(len(living)))
            codes["delete"][api.delete(f"{gone}{grace}").status_code] += 1
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
        eventually(lambda: configuration(mesh) == before, "webapp and the gateway run what they ran before")
        load.wait_for(50)
    assert load.failed == {}
    assert codes["create"] == {httpx.codes.CREATED: OBJECTS}
    assert codes["delete"].keys() <= {httpx.codes.OK, httpx.codes.ACCEPTED}
    assert codes["status"].keys() <= {200, 400, 404, 405, 409, 422}
    log = (Path(mesh.environment["MESH_DIR"]) / "supervisor.log").read_text()
    assert [line for line in log.splitlines() if re.search(" (ERROR|CRITICAL) |^Traceback", line)] == []
    assert "trouble" not in mesh.run([MESH, "status"]).stdout
    mesh.kubectl("rollout", "restart", "deploy/catalog", "-n", "istioinaction")
    mesh.ready("webapp", "catalog")
    configured = [f"{resource.plural}.{resource.group}" for resource in HONOURED]
    left = mesh.kubectl("get", ",".join(["pods,services,events,configmaps", *configured]), "-A", "-o", "name")
    assert "odd-" not in left
