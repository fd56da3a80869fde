"""The commands of the tutorial that write, by the real kubectl."""

import json
import random
import re
from pathlib import Path
from typing import Any

import yaml

from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import (
    DEPLOYMENTS,
    SERVICES,
    VIRTUAL_SERVICES,
)
from tests.localmesh.apiserver.http.conftest import World, start
from tests.localmesh.apiserver.http.manifests import DEPLOYMENT, EVERYTHING, ROUTE, SERVICE


def test_a_namespace_is_created_and_labelled(world: World) -> None:
    assert world.ok("create", "ns", "istioinaction") == "namespace/istioinaction created\n"
    world.ok("label", "namespace", "istioinaction", "istio-injection=enabled")
    row = world.ok("get", "ns", "istioinaction", "--show-labels").splitlines()[1].split()
    assert row[1] == "Active"
    assert row[3] == "istio-injection=enabled,kubernetes.io/metadata.name=istioinaction"
    assert 'namespaces "istioinaction" already exists' in world.fails("create", "ns", "istioinaction")


def test_apply_creates_then_leaves_alone_then_configures(world: World, namespace: str) -> None:
    names = ["service/catalog", "deployment.apps/catalog", "gateway.networking.istio.io/outfitters-gateway",
             "virtualservice.networking.istio.io/webapp-virtualservice",
             "destinationrule.networking.istio.io/catalog"]  # fmt: skip
    apply = ("apply", "-n", namespace, "-f", "-")
    assert world.ok(*apply, stdin=EVERYTHING) == "".join(f"{name} created\n" for name in names)
    assert world.ok(*apply, stdin=EVERYTHING) == "".join(f"{name} unchanged\n" for name in names)
    assert world.ok(*apply, stdin=EVERYTHING.replace("v1alpha3", "v1")) == "".join(
        f"{name} {'configured' if 'istio' in name else 'unchanged'}\n" for name in names
    )
    assert "deployment.apps/catalog configured" in world.ok(*apply, stdin=DEPLOYMENT.replace(":latest", ":2"))
    changed = world.get(DEPLOYMENTS, namespace, "catalog")
    assert changed["spec"]["template"]["spec"]["containers"][0]["image"] == "istioinaction/catalog:2"
    assert changed["metadata"]["generation"] == 2
    assert changed["spec"]["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 3000, "name": "http", "protocol": "TCP"}
    ]


def test_apply_takes_a_folder_and_a_kustomization(world: World, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(SERVICE)
    (tmp_path / "deployment.yaml").write_text(DEPLOYMENT)
    assert "deployment.apps/catalog created" in world.ok("apply", "-n", namespace, "-f", str(tmp_path))
    kustomization = {"namespace": namespace, "resources": ["service.yaml", "deployment.yaml"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    assert "service/catalog unchanged" in world.ok("apply", "-k", str(tmp_path))


def test_patch_merges_a_services_ports_by_their_port(world: World, namespace: str) -> None:
    two = SERVICE.replace("ports: [", "ports: [{name: status-port, port: 15021}, ")
    world.ok("apply", "-n", namespace, "-f", "-", stdin=two)
    patch = '{"spec": {"type": "NodePort", "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30999}]}}'
    assert world.ok("patch", "svc", "-n", namespace, "catalog", "-p", patch) == "service/catalog patched\n"
    status, http = world.get(SERVICES, namespace, "catalog")["spec"]["ports"]
    assert status["nodePort"] in range(30000, 32768)
    assert (http["name"], http["targetPort"], http["nodePort"]) == ("http", 8080, 30999)
    assert f"15021:{status['nodePort']}/TCP,80:30999/TCP" in world.ok("get", "svc", "-n", namespace)
    world.ok("patch", "svc", "-n", namespace, "catalog", "-p", '{"spec":{"externalTrafficPolicy": "Local"}}')
    assert re.search(r"External Traffic Policy: +Local", world.ok("describe", "svc", "-n", namespace, "catalog"))


def test_create_sends_protobuf_which_is_understood(world: World, namespace: str) -> None:
    create = ("create", "-n", namespace)
    world.ok(*create, "deployment", "d", "--image=d:1", "--replicas=2", "--port=8080", "--", "run", "it")
    spec = world.get(DEPLOYMENTS, namespace, "d")["spec"]
    assert (spec["replicas"], spec["selector"]) == (2, {"matchLabels": {"app": "d"}})
    container = spec["template"]["spec"]["containers"][0]
    assert (container["image"], container["command"]) == ("d:1", ["run", "it"])
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    world.ok(*create, "service", "nodeport", "s", "--tcp=80:web", "--node-port=31999")
    port = world.get(SERVICES, namespace, "s")["spec"]["ports"][0]
    assert (port["port"], port["targetPort"], port["nodePort"]) == (80, "web", 31999)
    world.ok(*create, "cm", "c", "--from-literal=a=b")
    assert world.ok("get", "cm", "c", "-n", namespace, "-o", "jsonpath={.data.a}") == "b"
    world.ok(*create, "sa", "s")
    assert "secrets are not supported by the local mesh" in world.fails(*create, "secret", "generic", "x")


def test_a_stale_object_is_not_written_over(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=SERVICE)
    stale = world.ok("get", "svc", "catalog", "-n", namespace, "-o", "yaml")
    world.ok("label", "svc", "catalog", "-n", namespace, "changed=yes")
    complaint = world.fails("replace", "-n", namespace, "-f", "-", stdin=stale)
    assert 'Operation cannot be fulfilled on services "catalog": the object has been modified' in complaint


def test_a_dry_run_shows_and_stores_nothing(world: World, namespace: str) -> None:
    printed = world.ok("apply", "-n", namespace, "--dry-run=server", "-o", "yaml", "-f", "-", stdin=SERVICE)
    assert yaml.safe_load(printed)["spec"]["clusterIP"].startswith("10.200.1.")
    assert world.do(lambda: world.store.find(SERVICES, Key(namespace, "catalog"))) is None


def test_diff_shows_what_apply_would_change(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=DEPLOYMENT)
    done = world.kubectl("diff", "-n", namespace, "-f", "-", stdin=DEPLOYMENT.replace("replicas: 1", "replicas: 2"))
    assert done.returncode == 1
    assert "+  replicas: 2" in done.stdout


def test_the_namespace_set_in_the_kubeconfig_is_used_and_kept(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=SERVICE)
    context = world.ok("config", "current-context").strip()
    world.ok("config", "set-context", context, f"--namespace={namespace}")
    try:
        assert world.ok("get", "svc", "-o", "name") == "service/catalog\n"
        assert world.kubeconfig.stat().st_mode & 0o777 == 0o600
    finally:
        world.ok("config", "set-context", context, "--namespace=default")


def test_a_namespace_set_for_injection_gives_its_pods_a_proxy(world: World, namespace: str) -> None:
    world.ok("label", "ns", namespace, "istio-injection=enabled")
    world.ok("run", "-n", namespace, "p", "--image=p")
    names = world.ok("get", "pod", "p", "-n", namespace, "-o", "jsonpath={.spec.containers[*].name}")
    assert names == "p istio-proxy"


def test_random_edits_through_apply_give_what_was_asked_for(world: World, namespace: str) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    for round_ in range(8):
        deployment = random_deployment(dice)
        world.ok("apply", "-n", namespace, "-f", "-", stdin=json.dumps(deployment))
        found = world.get(DEPLOYMENTS, namespace, "edited")
        assert covers(found, deployment), f"seed {seed}, round {round_}"


def random_deployment(dice: random.Random) -> Object:
    """Return a Deployment whose lists come and go."""
    names = dice.sample(["a", "b", "c", "d"], dice.randint(1, 3))
    containers = [
        {
            "name": name,
            "image": f"{name}:{dice.randint(1, 3)}",
            "args": [str(dice.random()) for _ in range(dice.randint(0, 2))],
            "env": [{"name": key, "value": str(dice.randint(0, 2))} for key in dice.sample("XYZ", dice.randint(0, 3))],
            "ports": [{"containerPort": port} for port in dice.sample([1, 2, 3], dice.randint(0, 3))],
        }
        for name in names
    ]
    labels = {"app": "edited"} | {key: str(dice.randint(0, 2)) for key in dice.sample("pqr", dice.randint(0, 3))}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "edited", "labels": labels},
        "spec": {
            "replicas": dice.randint(0, 3),
            "selector": {"matchLabels": {"app": "edited"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def covers(found: Any, wanted: Any) -> bool:
    """Tell whether what was found is what was wanted, with lists of the same length and defaults beside it."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            covers(found.get(key, type(value)()), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(covers, found, wanted))
    return bool(found == wanted)


def test_a_virtual_service_is_stored_once_for_all_its_versions(world: World, namespace: str) -> None:
    for version in ("v1alpha3", "v1beta1", "v1"):
        world.ok("apply", "-n", namespace, "-f", "-", stdin=ROUTE.replace("v1alpha3", version))
    assert len(world.do(lambda: world.store.objects(VIRTUAL_SERVICES, namespace))) == 1
    beta = world.ok("get", "virtualservices.v1beta1.networking.istio.io", "-n", namespace, "-o", "yaml")
    assert yaml.safe_load(beta)["items"][0]["apiVersion"] == "networking.istio.io/v1beta1"


def test_attach_speaks_to_a_container_s_own_process(world: World, namespace: str) -> None:
    start(world, namespace)
    done = world.kubectl("attach", "-q", "-i", "-n", namespace, "webapp", stdin="hello\n")
    assert (done.returncode, done.stdout) == (0, "attached\nhello\n")
