import json
from typing import Any

import pytest

from localmesh.core.objects import Object, annotations_of, labels_of
from localmesh.kinds.injection import PROXY, PROXY_IMAGE, inject, is_gateway, is_injected, sidecars_of, workload_name

ENABLED: Object = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
REVISION: Object = {"metadata": {"name": "shop", "labels": {"istio.io/rev": "default"}}}
CANARY: Object = {"metadata": {"name": "shop", "labels": {"istio.io/rev": "canary"}}}
DISABLED: Object = {"metadata": {"name": "shop", "labels": {"istio-injection": "disabled"}}}
PLAIN: Object = {"metadata": {"name": "shop"}}


def pod(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    metadata = {"name": "web-1", "labels": labels or {}, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"containers": [{"name": "web", "image": "web"}], **spec}}


def names(obj: Object) -> list[str]:
    return [container["name"] for container in obj["spec"]["containers"]]


@pytest.mark.parametrize(
    ("namespace", "labels", "annotations", "injected"),
    [
        (ENABLED, {}, {}, True),
        (PLAIN, {}, {}, False),
        (None, {}, {}, False),
        (DISABLED, {}, {}, False),
        (PLAIN, {"sidecar.istio.io/inject": "true"}, {}, True),
        (DISABLED, {"sidecar.istio.io/inject": "true"}, {}, False),
        (ENABLED, {"sidecar.istio.io/inject": "false"}, {}, False),
        (ENABLED, {}, {"sidecar.istio.io/inject": "false"}, False),
        (ENABLED, {"sidecar.istio.io/inject": "true"}, {"sidecar.istio.io/inject": "false"}, True),
        (PLAIN, {}, {"sidecar.istio.io/inject": "true"}, False),  # the webhook is called by labels only
        (PLAIN, {"sidecar.istio.io/inject": "yes"}, {}, False),
        (ENABLED, {"sidecar.istio.io/inject": "no"}, {}, True),  # neither true nor false says nothing
        (REVISION, {}, {}, True),
        (REVISION, {"sidecar.istio.io/inject": "false"}, {}, False),
        (CANARY, {"sidecar.istio.io/inject": "true"}, {}, False),  # by an istiod that is not there
        (CANARY, {"istio.io/rev": "default"}, {}, False),
        (PLAIN, {"istio.io/rev": "default"}, {}, True),
        (PLAIN, {"istio.io/rev": "canary", "sidecar.istio.io/inject": "true"}, {}, False),
        (ENABLED, {"istio.io/rev": "canary"}, {}, True),
        (DISABLED, {"istio.io/rev": "default"}, {}, False),
    ],
)
def test_who_gets_a_sidecar(
    namespace: Object | None, labels: dict[str, str], annotations: dict[str, str], injected: bool
) -> None:
    assert is_injected(inject(pod(labels, annotations), namespace)) is injected


def test_the_sidecar_stands_after_the_application_and_says_when_it_is_ready() -> None:
    before = pod({"app": "web", "version": "v1"})
    after = inject(before, ENABLED)
    assert names(after) == ["web", PROXY]
    proxy = after["spec"]["containers"][1]
    assert proxy["image"] == PROXY_IMAGE
    assert proxy["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 15000, "scheme": "HTTP"}
    assert sidecars_of(after) == {PROXY}
    assert names(before) == ["web"], "the pod that was handed in is not changed"


def test_labels_and_annotations_are_those_of_istio() -> None:
    after = inject(pod({"app": "web", "version": "v1"}), ENABLED)
    assert labels_of(after)["service.istio.io/canonical-name"] == "web"
    assert labels_of(after)["service.istio.io/canonical-revision"] == "v1"
    assert annotations_of(after)["kubectl.kubernetes.io/default-container"] == "web"
    assert json.loads(annotations_of(after)["sidecar.istio.io/status"])["containers"] == [PROXY]


def test_a_pod_is_injected_once() -> None:
    once = inject(pod(), ENABLED)
    assert inject(once, ENABLED) == once


def test_a_host_network_pod_has_no_sidecar() -> None:
    assert names(inject(pod(hostNetwork=True), ENABLED)) == ["web"]


@pytest.mark.parametrize(("image", "expected"), [("auto", PROXY_IMAGE), ("my/proxyv2:1", "my/proxyv2:1")])
def test_a_gateway_s_proxy_is_its_application(image: str, expected: str) -> None:
    gateway = pod(annotations={"inject.istio.io/templates": "gateway"})
    gateway["spec"]["containers"] = [{"name": PROXY, "image": image}]
    after = inject(gateway, PLAIN)
    assert is_gateway(after)
    assert names(after) == [PROXY]
    assert after["spec"]["containers"][0]["image"] == expected
    assert "readinessProbe" in after["spec"]["containers"][0]
    assert sidecars_of(after) == frozenset()


@pytest.mark.parametrize(
    "status",
    ['{"initContainers":["istio-proxy"],"containers":null}', '{"containers":["istio-proxy"]}', "{}", "x", "[]"],
)
def test_a_pod_that_was_read_from_a_cluster_gets_the_sidecar_that_it_has_not(status: str) -> None:
    read = pod(annotations={"sidecar.istio.io/status": status})
    assert not is_injected(read)
    injected = inject(read, ENABLED)
    assert sidecars_of(injected) == {PROXY}
    assert inject(injected, ENABLED) == injected


@pytest.mark.parametrize(
    ("meta", "name"),
    [
        ({"name": "web-1"}, "web-1"),
        ({"name": "web-7f8-x", "generateName": "web-7f8-"}, "web-7f8-x"),
        ({"name": "web-7f8-x", "generateName": "web-7f8-", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7f8",
          "controller": True}], "labels": {"pod-template-hash": "7f8"}}, "web"),
        ({"name": "web-7f8-x", "generateName": "web-7f8-", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7f8",
          "controller": True}]}, "web-7f8"),
        ({"generateName": "job-"}, "job"),
    ],
)  # fmt: skip
def test_a_workload_is_what_the_pod_was_made_from(meta: dict[str, Any], name: str) -> None:
    assert workload_name({"metadata": meta}) == name
