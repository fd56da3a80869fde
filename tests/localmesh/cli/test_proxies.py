from typing import Any

import pytest

from localmesh.cli.proxies import Inventory
from localmesh.core.errors import MeshError
from localmesh.kinds.addresses import ANNOTATION, PodAddresses


def pod(name: str, admin: str | None, *, namespace: str = "istioinaction", ready: bool = True) -> dict[str, Any]:
    """Return a pod with a proxy whose admin page is on a socket; None: one without a proxy."""
    containers = [{"name": "webapp", "image": "webapp"}]
    if admin is not None:
        containers.append({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.31.1"})
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": name.partition("-")[0]},
            "annotations": {ANNOTATION: PodAddresses(admin=admin).to_annotation()},
        },
        "spec": {"containers": containers},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def deployment(name: str) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "istioinaction"},
        "spec": {"selector": {"matchLabels": {"app": name}}},
    }


INVENTORY = Inventory(
    [
        pod("webapp-1", "1001", ready=False),
        pod("webapp-2", "1002"),
        pod("netshoot", None, namespace="default"),
        deployment("webapp"),
        deployment("forum"),
    ],
    "default",
)


@pytest.mark.parametrize(
    ("reference", "sockets"),
    [
        ("webapp-1.istioinaction", ["1001"]),
        ("pod/webapp-1.istioinaction", ["1001"]),
        ("deploy/webapp.istioinaction", ["1002", "1001"]),
        ("deployment/webapp.istioinaction", ["1002", "1001"]),
    ],
)
def test_a_proxy_is_found_by_pod_or_deployment_the_ready_one_first(reference: str, sockets: list[str]) -> None:
    assert [proxy.admin.path.name for proxy in INVENTORY.find(reference)] == sockets


def test_a_name_without_a_namespace_is_looked_for_in_the_contexts() -> None:
    inventory = Inventory(INVENTORY.objects, "istioinaction")
    assert inventory.find("webapp-2")[0].name == "webapp-2.istioinaction"


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("webapp-2", r"no pod webapp-2 in namespace default; there are: webapp-1\.istioinaction, .*netshoot\.default"),
        ("deploy/web.istioinaction", "no deployment web in namespace istioinaction; there are: webapp.istioinaction"),
        ("deploy/forum.istioinaction", "deployment forum.istioinaction has no pods"),
        ("netshoot", r"netshoot has no proxy: .*kubectl label ns default istio-injection=enabled"),
        ("svc/webapp", "a proxy is named by its pod or by deploy/NAME, not by svc"),
    ],
)
def test_a_reference_that_means_no_proxy_is_answered_with_what_there_is(reference: str, complaint: str) -> None:
    with pytest.raises(MeshError, match=complaint):
        INVENTORY.find(reference)


def test_a_pod_that_is_still_being_started_is_told_from_one_without_a_proxy() -> None:
    starting = pod("webapp-3", "1003")
    del starting["metadata"]["annotations"]
    with pytest.raises(MeshError, match="webapp-3 has no proxy yet"):
        Inventory([starting], "istioinaction").find("webapp-3")


def test_all_proxies_are_those_of_all_namespaces_or_of_one() -> None:
    assert [proxy.name for proxy in INVENTORY.proxies()] == ["webapp-1.istioinaction", "webapp-2.istioinaction"]
    assert INVENTORY.proxies("default") == []
