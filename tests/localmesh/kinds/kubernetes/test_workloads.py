from pathlib import Path
from typing import Any

import pytest
import yaml

from localmesh.core.objects import Object
from localmesh.kinds.admission import InvalidError, admit
from localmesh.kinds.kubernetes.workloads import review
from localmesh.kinds.resources import PODS, resource_of
from localmesh.kinds.review import Review

K8S = Path(__file__).parents[4] / "k8s"


def pod(container: dict[str, Any] | None = None, **spec: Any) -> Object:
    containers = [{"name": "web", "image": "web", **(container or {})}]
    return {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers, **spec}}


def port(number: int, **fields: Any) -> list[Object]:
    return [{"port": number, **fields}]


def service(**spec: Any) -> Object:
    ports = [{"name": "http", "port": 80}]
    return {
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"type": "ClusterIP", "selector": {"app": "web"}, "ports": ports, **spec},
    }


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (pod(initContainers=[{"name": "init", "image": "web"}]), "spec.initContainers"),
        (pod(hostNetwork=True), "spec.hostNetwork"),
        (pod(someNewField={"a": 1}), "spec.someNewField"),
        (pod(volumes=[{"name": "v", "configMap": {"name": "c"}}]), "spec.volumes[0].configMap"),
        (pod({"workingDir": "/srv"}), "spec.containers[0].workingDir"),
        (pod({"ports": [{"containerPort": 1, "hostPort": 1}]}), "spec.containers[0].ports[0].hostPort"),
        (pod({"ports": [{"containerPort": 1, "protocol": "UDP"}]}), "spec.containers[0].ports[0].protocol"),
        (pod({"ports": [{"containerPort": 15000}]}), "spec.containers[0].ports[0].containerPort"),
        (pod({"env": [{"name": "PORT", "value": "1"}]}), "spec.containers[0].env[0]"),
        (pod({"env": [{"name": "S", "valueFrom": {"secretKeyRef": {}}}]}), "env[0].valueFrom.secretKeyRef"),
        (pod({"envFrom": [{"secretRef": {"name": "s"}}]}), "spec.containers[0].envFrom[0].secretRef"),
        (
            pod({"livenessProbe": {"terminationGracePeriodSeconds": 1}}),
            "spec.containers[0].livenessProbe.terminationGracePeriodSeconds",
        ),
        (pod({"lifecycle": {"postStart": {}}}), "spec.containers[0].lifecycle.postStart"),
        (
            pod({"volumeMounts": [{"name": "v", "mountPath": "/data"}]}, volumes=[{"name": "v", "emptyDir": {}}]),
            "spec.containers[0].volumeMounts[0].mountPath",
        ),
        (service(externalName="example.com"), "spec.externalName"),
        (service(sessionAffinity="ClientIP"), "spec.sessionAffinity"),
        (service(ports=port(53, protocol="UDP")), "spec.ports[0].protocol"),
        (service(ports=port(80, name="web")), "spec.ports[0].name"),
        (service(ports=port(8080, name="udp")), "spec.ports[0].name"),
        (service(ports=port(3306)), "spec.ports[0].name"),
        (service(ports=port(443, appProtocol="kubernetes.io/wss")), "spec.ports[0].appProtocol"),
        (service(selector={}), "spec.selector"),
        ({"kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": {"maxUnavailable": 1}}, "spec"),
        ({"kind": "EndpointSlice", "metadata": {"name": "web-1"}}, "metadata"),
    ],
)
def test_what_would_change_traffic_or_results_is_warned_about(document: Object, field: str) -> None:
    verdict = review(document)
    assert verdict.problems == ()
    [warning] = verdict.warnings
    assert f"{field}: not honoured by the local mesh: " in warning


def test_what_changes_nothing_on_a_laptop_is_taken_without_a_word() -> None:
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    document = pod(
        {"resources": {"limits": {"cpu": "1"}}, "securityContext": {"privileged": False}, "imagePullPolicy": "Always"},
        affinity={"podAntiAffinity": {}},
        tolerations=[{"operator": "Exists"}],
        securityContext=security,
        enableServiceLinks=False,
        hostNetwork=False,
    )
    assert review(document).warnings == ()


def test_the_gateway_s_service_does_listen() -> None:
    assert review(service(type="NodePort", selector={"istio": "ingressgateway"})).warnings == ()


@pytest.mark.parametrize(
    ("probe", "field"),
    [
        ({"grpc": {"port": 1}}, "spec.containers[0].readinessProbe.grpc"),
        ({"httpGet": {"port": 1, "scheme": "HTTPS"}}, "spec.containers[0].readinessProbe.httpGet.scheme"),
    ],
)
def test_a_probe_that_could_only_fail_is_refused(probe: dict[str, Any], field: str) -> None:
    document = {"apiVersion": "v1", **pod({"readinessProbe": probe})}
    with pytest.raises(InvalidError) as refused:
        admit(PODS, document)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_selectors_by_expression_are_refused() -> None:
    spec = {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "template": pod()}
    [problem] = review({"kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}).problems
    assert problem.field == "spec.selector.matchExpressions"


@pytest.mark.parametrize("path", sorted(K8S.glob("base/*.yaml")) + sorted(K8S.glob("experiments/*.yaml")), ids=str)
def test_the_project_s_own_manifests_are_honoured_in_full(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        resource = resource_of(document["apiVersion"], document["kind"])
        if resource is not None:
            assert admit(resource, document).warnings == ()


def test_other_kinds_are_none_of_its_business() -> None:
    assert review({"kind": "ConfigMap", "metadata": {"name": "c"}}).warnings == ()


def marked(kind: str, **metadata: dict[str, str]) -> Object:
    """Return an object with annotations or labels, on itself and on what it makes pods from."""
    spec = {"containers": [{"name": "web", "image": "web"}]}
    template = {"selector": {}, "template": {"metadata": metadata, "spec": spec}}
    specs = {"Pod": spec, "Deployment": template, "Service": service()["spec"]}
    return {"kind": kind, "metadata": metadata, "spec": specs.get(kind, {})}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (marked("Pod", annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "80"}), "nothing is intercepted"),
        (marked("Deployment", annotations={"proxy.istio.io/config": "tracing: {sampling: 10}"}), "started alike"),
        (marked("Pod", annotations={"proxy.istio.io/config": "["}), "started alike"),
        pytest.param(
            marked("Pod", annotations={"proxy.istio.io/config": "[" * 20_000}), "started alike", id="nested too deeply"
        ),
        (marked("Pod", annotations={"inject.istio.io/templates": "sidecar,own"}), "the templates"),
        (marked("Deployment", labels={"topology.istio.io/locality": "eu.west"}), "in one place"),
        (marked("Deployment", labels={"istio.io/rev": "canary"}), "no sidecar is added"),
        (marked("Namespace", labels={"istio.io/rev": "canary"}), "no sidecars are added"),
        (marked("Namespace", labels={"istio.io/dataplane-mode": "ambient"}), "no ambient mode"),
        (marked("Service", annotations={"traffic.istio.io/nodeSelector": "{}"}), "one node"),
        (marked("Service", labels={"istio.io/use-waypoint": "way"}), "no ambient mode"),
    ],
)
def test_what_istio_is_told_in_vain_is_warned_about(document: Object, said: str) -> None:
    (warning,) = review(document).warnings
    assert said in warning


@pytest.mark.parametrize(
    "document",
    [
        marked("Pod", annotations={"proxy.istio.io/config": '{"holdApplicationUntilProxyStarts": true}'}),
        marked("Pod", annotations={"sidecar.istio.io/proxyCPU": "1", "inject.istio.io/templates": "gateway"}),
        marked("Namespace", labels={"istio.io/rev": "default"}),
        marked("Namespace", labels={"istio.io/rev": "canary", "istio-injection": "enabled"}),
    ],
)
def test_what_istio_is_told_and_is_so_in_any_case_is_taken(document: Object) -> None:
    assert review(document) == Review()


@pytest.mark.parametrize(
    "document",
    [
        marked("Deployment", labels={"networking.istio.io/tunnel": "http"}),
        marked("Service", labels={"istio.io/persistent-session": "cookie"}),
    ],
)
def test_what_would_change_traffic_in_ways_of_its_own_is_refused_by_name(document: Object) -> None:
    (problem,) = review(document).problems
    assert problem.field.endswith("]")
    assert "not supported by the local mesh" in problem.message
