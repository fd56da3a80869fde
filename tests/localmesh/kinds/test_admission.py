"""What is refused, in whose words; and what is filled in."""

import copy
from typing import Any

import pytest
import yaml

from localmesh.core.manifests import documents
from localmesh.core.objects import Object
from localmesh.kinds.admission import (
    AdmissionError,
    Admitted,
    DecodingError,
    DeniedError,
    InvalidError,
    admit,
)
from localmesh.kinds.resources import resource_of

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: catalog}
spec:
  selector: {matchLabels: {app: catalog}}
  template:
    metadata: {labels: {app: catalog}}
    spec:
      containers:
      - name: catalog
        image: catalog
        ports: [{containerPort: 3000, name: http}]
        env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        readinessProbe: {httpGet: {port: http}}
        volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: catalog}
spec:
  selector: {app: catalog}
  ports: [{port: 80}]
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog}
spec:
  hosts: [catalog]
  http: [{route: [{destination: {host: catalog}}]}]
"""


def admitted(text: str, current: Object | None = None, **options: Any) -> Admitted:
    (document,) = documents(text)
    resource = resource_of(document["apiVersion"], document["kind"])
    assert resource is not None
    return admit(resource, document, current=current, **options)


def refused(text: str, old: str, new: str, current: Object | None = None) -> list[str]:
    """Return what is said of a document once something in it is replaced."""
    assert old in text
    with pytest.raises(AdmissionError) as caught:
        admitted(text.replace(old, new, 1), current)
    return [str(problem) for problem in caught.value.problems]


def test_a_deployment_gets_the_defaults_of_an_api_server() -> None:
    spec = admitted(DEPLOYMENT).object["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"]) == (1, 10)
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    (container,) = pod["containers"]
    assert container["ports"] == [{"containerPort": 3000, "name": "http", "protocol": "TCP"}]
    assert container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    probe = container["readinessProbe"]
    assert probe["httpGet"] == {"port": "http", "path": "/", "scheme": "HTTP"}
    assert [probe[f"{name}"] for name in ("timeoutSeconds", "periodSeconds", "failureThreshold")] == [1, 10, 3]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("catalog", "Always"),
        ("catalog:latest", "Always"),
        ("host:5000/catalog", "Always"),
        ("host:5000/catalog:1.0.0", "IfNotPresent"),
        ("catalog@sha256:ab", "IfNotPresent"),
    ],
)
def test_only_images_without_a_fixed_tag_are_always_pulled(image: str, policy: str) -> None:
    template = admitted(DEPLOYMENT.replace("image: catalog", f"image: {image}")).object["spec"]["template"]
    assert template["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_service_gets_the_defaults_of_an_api_server() -> None:
    spec = admitted(SERVICE).object["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["internalTrafficPolicy"]) == ("ClusterIP", "Cluster")


def test_what_is_admitted_is_admitted_again_unchanged() -> None:
    for text in (DEPLOYMENT, SERVICE, ROUTE):
        once = admitted(text).object
        assert admitted(yaml.safe_dump(once), once).object == once


def test_the_document_is_not_changed() -> None:
    document = yaml.safe_load(DEPLOYMENT)
    before = copy.deepcopy(document)
    resource = resource_of("apps/v1", "Deployment")
    assert resource is not None
    admit(resource, document)
    assert document == before


def test_unknown_fields_are_refused_warned_about_or_ignored() -> None:
    text = SERVICE.replace("selector:", "slector:")
    with pytest.raises(DecodingError, match=r'strict decoding error: unknown field "spec\.slector"'):
        admitted(text)
    warned, ignored = (admitted(text, field_validation=way).warnings for way in ("Warn", "Ignore"))
    assert warned == ('unknown field "spec.slector"', *ignored)
    assert not [warning for warning in ignored if "slector" in warning]


@pytest.mark.parametrize("text", [DEPLOYMENT, SERVICE, ROUTE])
def test_finalizers_are_no_secret_failure(text: str) -> None:
    warning = "metadata.finalizers: not honoured by the local mesh: a deletion waits for nobody"
    assert warning in admitted(text.replace("{name: catalog}", "{name: catalog, finalizers: [a/b]}", 1)).warnings
    assert warning not in admitted(text).warnings


def test_one_complaint_stands_bare_and_several_in_brackets() -> None:
    with pytest.raises(InvalidError) as one:
        admitted(DEPLOYMENT.replace("name: tmp, mount", "name: other, mount"))
    assert str(one.value) == (
        'Deployment.apps "catalog" is invalid: spec.template.spec.containers[0].volumeMounts[0].name:'
        ' Not found: "other"'
    )
    with pytest.raises(InvalidError) as two:
        admitted(DEPLOYMENT.replace("name: tmp, mount", "name: other, mount").replace("image: catalog", 'image: ""'))
    assert str(two.value).startswith('Deployment.apps "catalog" is invalid: [spec.template.spec.containers[0].image:')


def test_istios_kinds_are_denied_in_the_words_of_its_webhook() -> None:
    with pytest.raises(DeniedError) as caught:
        admitted(ROUTE.replace("hosts: [catalog]", "hosts: []"))
    assert str(caught.value).startswith(
        'admission webhook "validation.istio.io" denied the request: configuration is invalid: spec.hosts'
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{name: catalog}", "{name: Catalog}", 'Invalid value: "Catalog": a lowercase RFC 1123 subdomain'),
        ("{name: catalog}", "{}", "metadata.name: Required value"),
        ("{name: catalog}", "{name: catalog, labels: {a: 'b c'}}", 'metadata.labels: Invalid value: "b c"'),
        ("{name: catalog}", "{name: catalog, labels: {'a b': c}}", 'metadata.labels: Invalid value: "a b": name part'),
        ("{name: catalog}", "{name: catalog, annotations: {'/x': c}}", 'metadata.annotations: Invalid value: "/x"'),
        ("labels: {app: catalog}", "labels: {app: other}", "`selector` does not match template `labels`"),
        ("{matchLabels: {app: catalog}}", "{}", "empty selector is invalid"),
        ("spec:\n  selector", "spec:\n  replicas: -1\n  selector", "spec.replicas: Invalid value: -1"),
        ("spec:\n  selector", "spec:\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}\n  selector",
         "may not be 0 when `maxSurge` is 0"),
        ("spec:\n  selector", "spec:\n  strategy: {rollingUpdate: {maxSurge: half}}\n  selector", "or a percentage"),
        ("spec:\n  selector", "spec:\n  strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}\n  selector",
         "may not be specified when strategy `type` is 'Recreate'"),
        ("      volumes:", "      restartPolicy: Never\n      volumes:", 'Unsupported value: "Never"'),
        ("      - name: catalog", "      - {name: catalog, image: b}\n      - name: catalog",
         'spec.template.spec.containers[1].name: Duplicate value: "catalog"'),
        ("- name: catalog", "- name: Catalog", "containers[0].name: Invalid value"),
        ("containerPort: 3000", "containerPort: 0", "must be between 1 and 65535, inclusive"),
        ("name: http}]", "name: HTTP}]", "ports[0].name: Invalid value"),
        ("fieldPath: metadata.name", "fieldPath: metadata.color", 'Unsupported value: "metadata.color"'),
        ("{name: NAME,", "{name: NAME, value: x,", "may not be specified when `value` is not empty"),
        ("{httpGet: {port: http}}", "{}", "must specify a handler type"),
        ("{httpGet: {port: http}}", "{httpGet: {port: 1}, tcpSocket: {port: 1}}", "more than 1 handler type"),
        ("readinessProbe: {", "livenessProbe: {successThreshold: 2, ", "successThreshold: Invalid value: 2: must be 1"),
        ("{name: tmp, mountPath: /tmp}", "{name: tmp, mountPath: /a}, {name: tmp, mountPath: /a}",
         'volumeMounts[1].mountPath: Duplicate value: "/a"'),
        ("volumes: [{name: tmp}]", "volumes: [{name: tmp}, {name: tmp}]", 'volumes[1].name: Duplicate value: "tmp"'),
    ],
)  # fmt: skip
def test_a_deployment_that_a_server_refuses_is_refused(old: str, new: str, complaint: str) -> None:
    assert any(complaint in said for said in refused(DEPLOYMENT, old, new))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{name: catalog}", "{name: 1catalog}", "a DNS-1035 label must"),
        ("ports: [{port: 80}]", "", "spec.ports: Required value"),
        ("{port: 80}", "{port: 80}, {port: 81}", "spec.ports[0].name: Required value"),
        ("{port: 80}", "{port: 80, name: a}, {port: 80, name: b}",
         'spec.ports[1]: Duplicate value: {"port": 80, "protocol": "TCP"}'),
        ("{port: 80}", "{port: 80, name: a}, {port: 81, name: a}", 'spec.ports[1].name: Duplicate value: "a"'),
        ("{port: 80}", "{port: 70000}", "spec.ports[0].port: Invalid value: 70000"),
        ("{port: 80}", "{port: 80, targetPort: Web}", "spec.ports[0].targetPort: Invalid value"),
        ("{port: 80}", "{port: 80, nodePort: 30000}", "may not be used when `type` is 'ClusterIP'"),
        ("ports: [{port: 80", "type: NodePort\n  ports: [{port: 80, nodePort: 80", "must be between 1024 and 65535"),
        ("ports:", "type: ExternalName\n  ports:", "spec.externalName: Required value"),
        ("ports:", "type: NodePort\n  clusterIP: None\n  ports:", "may not be set to 'None'"),
        ("ports:", "clusterIP: a\n  ports:", 'spec.clusterIPs[0]: Invalid value: "a": must be a valid IPv4 address'),
        ("ports:", "type: Cluster\n  ports:", 'spec.type: Unsupported value: "Cluster"'),
    ],
)  # fmt: skip
def test_a_service_that_a_server_refuses_is_refused(old: str, new: str, complaint: str) -> None:
    assert any(complaint in said for said in refused(SERVICE, old, new))


@pytest.mark.parametrize(
    ("text", "old", "new", "complaint"),
    [
        (DEPLOYMENT, "app: catalog", "app: other", "spec.selector: Invalid value"),
        (SERVICE.replace("ports:", "clusterIP: 10.200.1.1\n  ports:"), "1.1", "1.2", "may not change once set"),
    ],
)
def test_what_is_fixed_once_an_object_exists_stays(text: str, old: str, new: str, complaint: str) -> None:
    current = admitted(text).object
    with pytest.raises(InvalidError, match=complaint):
        admitted(text.replace(old, new), current)


def test_of_a_pod_only_images_and_a_few_numbers_may_change() -> None:
    text = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: 'c:1'}]}}"
    current = admitted(text).object
    assert admitted(text.replace("c:1", "c:2"), current).object["spec"]["containers"][0]["image"] == "c:2"
    with pytest.raises(InvalidError, match="Forbidden: pod updates may not change fields other than"):
        admitted(text.replace("name: c,", "name: d,"), current)


def test_what_is_no_base64_is_no_binary_data() -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, binaryData: {a: aGk=}}"
    assert refused(text, "aGk=", "'%%'") == ['binaryData[a]: Invalid value: "%%": illegal base64 data']


def test_an_immutable_config_map_keeps_its_data() -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}, immutable: true}"
    with pytest.raises(InvalidError, match="field is immutable when `immutable` is set"):
        admitted(text.replace("a: b", "a: c"), admitted(text).object)
    with pytest.raises(InvalidError, match="a valid config key"):
        admitted(text.replace("a: b", "'a b': c"))
