from typing import Any

import pytest

from localmesh.apiserver.http.rendering import Form
from localmesh.apiserver.read.tables import table
from localmesh.apiserver.target import Target
from localmesh.apiserver.write.scale import scale_of
from localmesh.core.objects import Object
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VIRTUAL_SERVICES,
    Resource,
)


def row(resource: Resource, **fields: Any) -> Object:
    """Return one object's cells by the columns' names."""
    obj = {"metadata": {"name": "x", **fields.pop("metadata", {})}, **fields}
    made = table(resource, [obj], "1")
    names = [column["name"] for column in made["columnDefinitions"]]
    return dict(zip(names, made["rows"][0]["cells"], strict=True))


def status(*states: Object, **fields: Any) -> Object:
    statuses = [{"name": str(index), "ready": "running" in state, "state": state} for index, state in enumerate(states)]
    return {"phase": "Running", "containerStatuses": statuses, **fields}


RUNS: Object = {"running": {}}
BACK_OFF: Object = {"waiting": {"reason": "CrashLoopBackOff"}}
PULL: Object = {"waiting": {"reason": "ImagePullBackOff"}}
DONE: Object = {"terminated": {"reason": "Completed", "exitCode": 0}}
READY: list[Object] = [{"type": "Ready", "status": "True"}]


@pytest.mark.parametrize(
    ("pod_status", "word"),
    [
        ({}, "Pending"),
        (status(RUNS, RUNS), "Running"),
        (status(BACK_OFF, RUNS), "CrashLoopBackOff"),
        (status(RUNS, PULL), "ImagePullBackOff"),
        (status(PULL, BACK_OFF), "ImagePullBackOff"),
        (status({"waiting": {"reason": "ContainerCreating"}}, phase="Pending"), "ContainerCreating"),
        (status(DONE, phase="Succeeded"), "Completed"),
        (status(DONE, RUNS), "NotReady"),
        (status(DONE, RUNS, conditions=READY), "Running"),
        (status({"terminated": {"exitCode": 2}}), "ExitCode:2"),
        (status({"terminated": {"signal": 9}}), "Signal:9"),
        (status({"terminated": {"reason": "Error", "exitCode": 2}}), "Error"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    ],
)
def test_the_status_of_a_pod_is_what_its_containers_know(pod_status: Object, word: str) -> None:
    spec = {"containers": [{}, {}]}
    assert row(PODS, spec=spec, status=pod_status)["Status"] == word
    assert row(PODS, metadata={"deletionTimestamp": "x"}, spec=spec, status=pod_status)["Status"] == "Terminating"


def test_a_pods_ready_containers_are_counted() -> None:
    assert row(PODS, spec={"containers": [{}, {}]}, status=status(RUNS, BACK_OFF))["Ready"] == "1/2"


def test_restarts_say_when_the_last_one_was() -> None:
    ended = {"terminated": {"finishedAt": "2020-01-01T00:00:00Z"}}
    statuses = [{"restartCount": 3, "lastState": ended}, {"restartCount": 1}]
    cell = row(PODS, spec={}, status={"containerStatuses": statuses})["Restarts"]
    assert cell.startswith("4 (")
    assert cell.endswith(" ago)")
    assert row(PODS, spec={}, status={"containerStatuses": [{"restartCount": 0}]})["Restarts"] == "0"


def test_a_pods_address_is_where_it_really_answers() -> None:
    addresses = PodAddresses(app={3000: 40001, 3001: 40002}, inbound={3000: 40003})
    metadata = {"annotations": {ANNOTATION: addresses.to_annotation()}}
    pod_status = {"podIP": "127.0.0.1"}
    assert row(PODS, metadata=metadata, spec={}, status=pod_status)["IP"] == "127.0.0.1:40003,127.0.0.1:40002"
    assert row(PODS, spec={}, status=pod_status)["IP"] == "127.0.0.1"
    assert row(PODS, spec={}, status={})["IP"] == "<none>"


@pytest.mark.parametrize(
    ("spec", "external", "ports"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 80}]}, "<none>", "80/TCP"),
        ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}, {"port": 53, "protocol": "UDP"}]}, "<none>",
         "80:30000/TCP,53/UDP"),
        ({"type": "LoadBalancer", "ports": []}, "<pending>", "<none>"),
        ({"type": "ExternalName", "externalName": "example.com"}, "example.com", "<none>"),
        ({"type": "ClusterIP", "externalIPs": ["1.2.3.4"]}, "1.2.3.4", "<none>"),
    ],
)  # fmt: skip
def test_a_service_shows_its_addresses_and_ports(spec: Object, external: str, ports: str) -> None:
    cells = row(SERVICES, spec=spec)
    assert (cells["External-IP"], cells["Port(s)"]) == (external, ports)


def test_many_endpoints_are_shortened() -> None:
    def subset(count: int) -> list[Object]:
        return [{"addresses": [{"ip": f"10.0.0.{number}"} for number in range(count)], "ports": [{"port": 80}]}]

    assert row(ENDPOINTS, subsets=subset(2))["Endpoints"] == "10.0.0.0:80,10.0.0.1:80"
    assert row(ENDPOINTS, subsets=subset(5))["Endpoints"].endswith("10.0.0.2:80 + 2 more...")
    assert row(ENDPOINTS)["Endpoints"] == "<none>"


def test_lists_of_custom_resources_are_json() -> None:
    cells = row(VIRTUAL_SERVICES, spec={"hosts": ["a", "b"]})
    assert (cells["Gateways"], cells["Hosts"]) == ("", '["a","b"]')


def test_other_kinds_show_what_a_cluster_shows() -> None:
    template = {"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"b": "1", "a": "2"}}, "template": template}
    cells = row(REPLICA_SETS, spec=spec, status={"replicas": 1})
    assert [cells[name] for name in ("Desired", "Current", "Ready", "Images", "Selector")] == [
        2,
        1,
        0,
        "i,j",
        "a=2,b=1",
    ]
    assert row(ENDPOINT_SLICES, ports=[{"port": 80}, {"name": "all"}])["Ports"] == "80,*"
    assert row(CONFIG_MAPS, data={"a": "b"}, binaryData={"c": ""})["Data"] == 2
    assert row(SERVICE_ACCOUNTS)["Secrets"] == 0
    event = row(EVENTS, involvedObject={"kind": "Pod", "name": "p"}, message=" said ", type="Normal")
    assert (event["Object"], event["Message"], event["Last Seen"]) == ("pod/p", "said", "<unknown>")


def test_a_scale_has_columns_of_its_own() -> None:
    metadata = {"name": "web", "resourceVersion": "7"}
    workload = {"metadata": metadata, "spec": {"replicas": 3, "selector": {}}, "status": {"replicas": 2}}
    shown = Form(tabular=True).one(Target(DEPLOYMENTS, "v1", "shop", "web", "scale"), scale_of(workload))
    assert shown["rows"][0]["cells"] == ["web", 3, 2, "<unknown>"]


def test_a_row_carries_as_much_of_its_object_as_was_asked_for() -> None:
    obj = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {}}
    assert table(CONFIG_MAPS, [obj], "1")["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert table(CONFIG_MAPS, [obj], "1", include="Object")["rows"][0]["object"] == obj
