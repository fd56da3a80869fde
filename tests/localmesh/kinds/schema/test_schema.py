import pytest

from localmesh.core.objects import Object
from localmesh.kinds.resources import (
    DEPLOYMENTS,
    PEER_AUTHENTICATIONS,
    PODS,
    RESOURCES,
    SERVICES,
    VIRTUAL_SERVICES,
    Resource,
)
from localmesh.kinds.schema.decode import decode
from localmesh.kinds.schema.definitions import Schema


def pod(**container: object) -> Object:
    return {"spec": {"containers": [{"name": "c", "image": "c", **container}]}}


def said(resource: Resource, document: Object) -> list[str]:
    return [str(problem) for problem in decode(resource, document).problems]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
def test_every_resource_has_a_schema_with_metadata(resource: Resource) -> None:
    metadata = Schema.of(resource).child("metadata")
    assert metadata is not None
    assert metadata.child("labels") is not None
    assert metadata.child("lables") is None


def test_unknown_fields_are_named_by_path_and_left_out() -> None:
    document = {"metadata": {"nam": "x"}, "spec": {"http": [{"route": [{"destination": {"host": "a", "hots": "b"}}]}]}}
    decoded = decode(VIRTUAL_SERVICES, document)
    assert decoded.unknown == ("metadata.nam", "spec.http[0].route[0].destination.hots")
    assert decoded.object == {"metadata": {}, "spec": {"http": [{"route": [{"destination": {"host": "a"}}]}]}}


def test_whole_numbers_are_integers_however_they_are_written() -> None:
    spec = {"replicas": 3.0, "strategy": {"rollingUpdate": {"maxSurge": 1.0}}}
    decoded = decode(DEPLOYMENTS, {"spec": spec}).object["spec"]
    assert [type(decoded["replicas"]), type(decoded["strategy"]["rollingUpdate"]["maxSurge"])] == [int, int]
    rule = {"route": [{"destination": {"host": "a"}, "weight": 70.0}]}
    (route,) = decode(VIRTUAL_SERVICES, {"spec": {"http": [rule]}}).object["spec"]["http"][0]["route"]
    assert type(route["weight"]) is int


@pytest.mark.parametrize(
    ("written", "read"),
    [([104, 105, None], "aGkA"), ([], ""), ("aGk=", "aGk="), ([256], None), ([-1], None), ([True], None), ([""], None)],
)
def test_bytes_come_as_base64_or_one_by_one(written: object, read: str | None) -> None:
    route = {"directResponse": {"status": 200, "body": {"bytes": written}}}
    decoded = decode(VIRTUAL_SERVICES, {"spec": {"http": [route]}})
    if read is None:
        assert str(decoded.problems[0]).startswith("spec.http[0].directResponse.body.bytes: Invalid value")
    else:
        assert not decoded.problems
        assert decoded.object["spec"]["http"][0]["directResponse"]["body"] == {"bytes": read}


def test_the_document_itself_is_left_as_it_is() -> None:
    document = {"metadata": {"nam": "x", "name": None}}
    decode(PODS, document)
    assert document == {"metadata": {"nam": "x", "name": None}}


def test_null_counts_as_absent() -> None:
    decoded = decode(SERVICES, {"metadata": {"name": "s", "labels": None}, "spec": None})
    assert decoded.object == {"metadata": {"name": "s"}}
    assert decoded.problems == ()


def test_null_is_a_wrong_value_in_what_a_custom_resource_specifies() -> None:
    document = {"metadata": {"name": "v", "labels": None}, "spec": {"hosts": None, "http": [{"timeout": None}]}}
    assert said(VIRTUAL_SERVICES, document) == [
        "spec.hosts: Invalid value: null: must be an array",
        "spec.http[0].timeout: Invalid value: null: must be a string",
    ]


@pytest.mark.parametrize(
    ("container", "complaint"),
    [
        ({"args": [True]}, "args[0]: Invalid value: true: must be a string: in YAML an unquoted y"),
        ({"env": [{"name": "A", "value": 5}]}, "env[0].value: Invalid value: 5: must be a string: put it in quotes"),
        ({"ports": [{"containerPort": "80"}]}, 'ports[0].containerPort: Invalid value: "80": must be an integer'),
        ({"ports": [{}]}, "ports[0].containerPort: Required value"),
        ({"ports": {}}, "ports: Invalid value: {}: must be an array"),
        ({"tty": "yes"}, 'tty: Invalid value: "yes": must be a boolean'),
        (
            {"imagePullPolicy": "Sometimes"},
            'imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always"',
        ),
        ({"resources": {"limits": {"cpu": "a lot"}}}, 'limits.cpu: Invalid value: "a lot": must be a quantity'),
        ({"livenessProbe": {"httpGet": {"port": []}}}, "port: Invalid value: []: must be an integer or a string"),
        ({"livenessProbe": {"periodSeconds": 2**31}}, "must be less than or equal to 2147483647"),
    ],
)
def test_wrong_values_are_named_with_their_place(container: Object, complaint: str) -> None:
    (problem,) = said(PODS, pod(**container))
    assert problem.startswith("spec.containers[0].")
    assert complaint in problem


@pytest.mark.parametrize(
    "container",
    [
        {"resources": {"limits": {"cpu": 1, "memory": "64Mi"}, "requests": {"cpu": "100m", "memory": 1e6}}},
        {"livenessProbe": {"httpGet": {"port": "http"}}, "readinessProbe": {"httpGet": {"port": 80.0}}},
    ],
)
def test_quantities_and_ports_come_as_numbers_and_as_texts(container: Object) -> None:
    assert said(PODS, pod(**container)) == []


@pytest.mark.parametrize(
    ("route", "complaint"),
    [
        ({"timeout": "2"}, 'timeout: Invalid value: "2": must be a valid duration greater than 1ms'),
        ({"match": [{"uri": {"exact": "/", "prefix": "/"}}]}, "at most one of exact, prefix, regex may be set"),
        ({"route": [{"destination": {"host": "a", "port": {"number": 2**40}}}]}, "must be less than or equal to"),
        ({"route": [{"destination": {}}]}, "destination.host: Required value"),
    ],
)
def test_the_rules_of_istios_crds_hold(route: Object, complaint: str) -> None:
    (problem,) = said(VIRTUAL_SERVICES, {"spec": {"http": [route]}})
    assert complaint in problem


@pytest.mark.parametrize(
    ("ports", "complaint"),
    [
        ({}, "portLevelMtls: Invalid value: {}: must have at least 1 entry"),
        ({"80": {"mode": "STRICT"}}, None),
    ],
)
def test_maps_have_as_many_entries_as_a_crd_wants(ports: Object, complaint: str | None) -> None:
    spec = {"selector": {"matchLabels": {"app": "catalog"}}, "portLevelMtls": ports}
    assert said(PEER_AUTHENTICATIONS, {"spec": spec}) == ([f"spec.{complaint}"] if complaint else [])


def test_maps_have_no_more_entries_than_a_crd_lets() -> None:
    (problem,) = said(PEER_AUTHENTICATIONS, {"spec": {"selector": {"matchLabels": {f"l{n}": "" for n in range(4097)}}}})
    assert problem.endswith("must have at most 4096 entries")


def test_what_belongs_to_somebody_else_is_kept_whole() -> None:
    status = {"conditions": [], "anything": {"at": ["all"]}}
    assert decode(VIRTUAL_SERVICES, {"status": status}).object == {"status": status}


def test_patches_learn_how_lists_are_merged() -> None:
    spec = Schema.of(DEPLOYMENTS).child("spec")
    template = spec.child("template") if spec else None
    pod_spec = template.child("spec") if template else None
    assert spec is not None
    assert pod_spec is not None
    strategy, containers = spec.child("strategy"), pod_spec.child("containers")
    assert strategy is not None
    assert containers is not None
    assert strategy.strategies == ["retainKeys"]
    assert containers.merge_key == "name"
    ports, arguments = containers.item().child("ports"), containers.item().child("args")
    assert ports is not None
    assert arguments is not None
    assert ports.merge_key == "containerPort"
    assert arguments.merge_key is None
