"""What kubectl shows: tables, descriptions, watches, discovery."""

import json
import re

import yaml

from localmesh.kinds.resources import (
    DEPLOYMENTS,
    EVENTS,
    PODS,
    SERVICES,
)
from tests.localmesh.apiserver.http.conftest import World, start
from tests.localmesh.apiserver.http.manifests import EVERYTHING, rolled_out


def squeezed(table: str) -> list[list[str]]:
    """Return a table's cells without its ages, which are the last of each row."""
    return [re.split(r" {2,}", line.rstrip())[:-1] for line in table.splitlines() if line]


def test_tables_are_those_of_a_cluster(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    world.modify(DEPLOYMENTS, namespace, "catalog", rolled_out)
    start(world, namespace)
    address = world.get(SERVICES, namespace, "catalog")["spec"]["clusterIP"]
    assert squeezed(world.ok("get", "-n", namespace, "deploy,pod,svc")) == [
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE"],
        ["deployment.apps/catalog", "1/1", "1", "1"],
        ["NAME", "READY", "STATUS", "RESTARTS"],
        ["pod/webapp", "2/2", "Running", "0"],
        ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)"],
        ["service/catalog", "ClusterIP", address, "<none>", "80/TCP"],
    ]
    assert squeezed(world.ok("get", "-n", namespace, "gw,vs,dr")) == [
        ["NAME"],
        ["gateway.networking.istio.io/outfitters-gateway"],
        ["NAME", "GATEWAYS", "HOSTS"],
        ["virtualservice.networking.istio.io/webapp-virtualservice", '["outfitters-gateway"]', '["*"]'],
        ["NAME", "HOST"],
        ["destinationrule.networking.istio.io/catalog", "catalog"],
    ]


def test_get_prints_every_form(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    get = ("get", "-n", namespace)
    assert world.ok(*get, "deploy", "-o", "name") == "deployment.apps/catalog\n"
    assert world.ok(*get, "svc", "catalog", "-o", "jsonpath={.spec.ports[0].targetPort}") == "3000"
    assert yaml.safe_load(world.ok(*get, "vs", "-o", "yaml"))["items"][0]["apiVersion"] == "networking.istio.io/v1"
    assert json.loads(world.ok(*get, "deploy", "-o", "json"))["items"][0]["kind"] == "Deployment"
    assert world.ok(*get, "svc", "-l", "app=catalog", "-o", "name") == "service/catalog\n"
    assert world.ok(*get, "svc", "-l", "app!=catalog", "-o", "name") == ""
    assert "IMAGES" in world.ok(*get, "deploy", "-o", "wide")
    assert f"{namespace} " in world.ok("get", "deploy", "-A")


def test_describe_shows_an_objects_events(world: World, namespace: str) -> None:
    running = start(world, namespace)
    uid = world.get(PODS, namespace, running.name)["metadata"]["uid"]
    involved = {"kind": "Pod", "namespace": namespace, "name": running.name, "uid": uid}
    world.create(EVENTS, namespace, {
        "metadata": {"name": "webapp.1"}, "involvedObject": involved, "type": "Warning", "reason": "Unhealthy",
        "message": "probe failed", "count": 3, "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "kubelet"},
    })  # fmt: skip
    described = world.ok("describe", "-n", namespace, "pod", running.name)
    assert re.search(r"Warning\s+Unhealthy\s+.*\(x3 over .*kubelet\s+probe failed", described)
    assert "pod/webapp" in world.ok("get", "-n", namespace, "events")


def test_describe_works_for_each_kind(world: World, namespace: str) -> None:
    world.ok("apply", "-n", namespace, "-f", "-", stdin=EVERYTHING)
    for name in ("svc/catalog", "deploy/catalog", "gw/outfitters-gateway", "vs/webapp-virtualservice", "dr/catalog"):
        assert f"Namespace:{' ' * 4}" in world.ok("describe", "-n", namespace, name)


def test_watch_prints_changes_as_they_come(world: World, namespace: str) -> None:
    running = start(world, namespace)
    with world.background("get", "pod", "-w", "-n", namespace, "--no-headers", "-l", "app=webapp") as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[:3] == ["webapp", "2/2", "Running"]
        world.modify(PODS, namespace, running.name, lambda draft: draft["metadata"].update(annotations={}))
        world.do(lambda: world.store.remove(PODS, running))
        # One line for the change, one for the end: a deleted object is printed as it was.
        assert process.stdout.readline().split()[:3] == ["webapp", "2/2", "Running"]
        assert process.stdout.readline().split()[:3] == ["webapp", "2/2", "Running"]


def test_version_and_discovery_need_no_warning(world: World) -> None:
    assert world.kubectl("version").stderr == ""
    assert "virtualservices" in world.ok("api-resources")
    assert "networking.istio.io/v1alpha3" in world.ok("api-versions")


def test_what_tools_look_for_first_is_listed_as_empty(world: World, namespace: str) -> None:
    kinds = "crd,node,secret,pdb,ds,sts,authorizationpolicies,peerauthentications,telemetries,wasmplugins,envoyfilters"
    kinds += ",mutatingwebhookconfigurations,validatingwebhookconfigurations"  # istioctl waits for these
    done = world.kubectl("get", "-n", namespace, kinds)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", "No resources found")
    assert "Metrics API not available" in world.fails("top", "pod")


def test_kubectl_auth_is_answered(world: World) -> None:
    assert world.ok("auth", "can-i", "create", "deployments.apps") == "yes\n"
    assert world.ok("auth", "can-i", "list", "secrets") == "yes\n"
    done = world.kubectl("auth", "can-i", "create", "secrets")
    assert (done.returncode, done.stdout) == (1, "no - not supported by the local mesh\n")
    assert "localmesh" in world.ok("auth", "whoami")
    assert "*.*" in world.ok("auth", "can-i", "--list")
