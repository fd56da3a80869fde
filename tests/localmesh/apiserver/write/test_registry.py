"""Writes through the registry: what is prepared, allocated, kept."""

import re
import socket
from typing import Any

import pytest

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.target import Target
from localmesh.apiserver.write.allocation import CLUSTER_IPS, NODE_PORTS
from localmesh.apiserver.write.patches import PatchError
from localmesh.apiserver.write.registry import (
    MERGE,
    OPERATIONS,
    STRATEGIC,
    DeleteOptions,
    Registry,
    WriteOptions,
    Written,
)
from localmesh.core.objects import Key, Object
from localmesh.kinds.addresses import ANNOTATION
from localmesh.kinds.admission import DecodingError, InvalidError
from localmesh.kinds.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VIRTUAL_SERVICES,
    Resource,
)
from localmesh.store.deletion import LONGEST_GRACE
from localmesh.store.objects import ConflictError, NotFoundError, Store

OPTIONS = WriteOptions(field_validation="Strict")


class Shop:
    """A registry with one namespace."""

    def __init__(self) -> None:
        self.store = Store()
        self.registry = Registry(self.store)
        self.create(NAMESPACES, {"metadata": {"name": "shop"}})

    def target(self, resource: Resource, name: str = "", subresource: str = "") -> Target:
        return Target(resource, resource.versions[0], "shop" if resource.namespaced else "", name, subresource)

    def create(self, resource: Resource, document: Object, options: WriteOptions = OPTIONS) -> Object:
        return self.registry.create(self.target(resource), document, options).object

    def update(self, resource: Resource, document: Object, subresource: str = "") -> Object:
        target = self.target(resource, document["metadata"]["name"], subresource)
        return self.registry.update(target, document, OPTIONS).object

    def patch(self, resource: Resource, patch: Any, media_type: str = MERGE, subresource: str = "") -> Written:
        return self.registry.patch(self.target(resource, "x", subresource), patch, media_type, OPTIONS)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def service(name: str = "x", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80, "name": "http"}], **spec}}


def pod(name: str = "x", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "c"}], **spec}}


def deployment() -> Object:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    return {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}


def test_what_only_the_server_says_is_not_taken_from_a_client(shop: Shop) -> None:
    said = {"name": "x", "uid": "mine", "creationTimestamp": "2000-01-01T00:00:00Z", "generation": 9,
            "deletionTimestamp": "2000-01-01T00:00:00Z", "managedFields": []}  # fmt: skip
    created = shop.create(PODS, {**pod(), "metadata": said, "status": {"phase": "Running"}})
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["uid"] != "mine"
    assert created["status"]["phase"] == "Pending"
    assert created["metadata"].keys() & {"deletionTimestamp", "managedFields"} == set()


def test_a_name_is_made_for_a_prefix(shop: Shop) -> None:
    names = {shop.create(PODS, {**pod(), "metadata": {"generateName": "x-"}})["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("x-") and len(name) == 7 for name in names)
    long = shop.create(PODS, {**pod(), "metadata": {"generateName": "x" * 253}})["metadata"]["name"]
    assert (len(long), long[:58]) == (63, "x" * 58)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (["no", "object"], "is no Kubernetes object"),
        ({"kind": "Pod", "metadata": {}}, "does not match the expected"),
        ({"apiVersion": "v2", "metadata": {}}, "does not match the expected"),
        ({"metadata": {"name": "x", "namespace": "other"}}, "does not match the namespace sent on the request"),
        ({"metadata": {"name": "x", "resourceVersion": "1"}}, "resourceVersion should not be set"),
    ],
)
def test_a_document_that_is_not_what_the_path_says_is_refused(shop: Shop, document: Any, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        shop.create(SERVICES, document)
    assert shop.store.objects(SERVICES) == []


def test_the_name_in_the_path_is_the_objects(shop: Shop) -> None:
    shop.create(CONFIG_MAPS, {"metadata": {"name": "x"}})
    with pytest.raises(ApiError, match="does not match the name on the URL"):
        shop.registry.update(shop.target(CONFIG_MAPS, "x"), {"metadata": {"name": "y"}}, OPTIONS)


def test_services_get_addresses_of_their_own(shop: Shop) -> None:
    addresses = [shop.create(SERVICES, service(f"s{number}"))["spec"]["clusterIP"] for number in range(50)]
    assert len(set(addresses)) == 50
    assert all(address in map(str, CLUSTER_IPS.hosts()) for address in addresses)
    assert shop.create(SERVICES, service(clusterIP="None"))["spec"]["clusterIP"] == "None"
    with pytest.raises(InvalidError, match="it belongs to the Service shop/s0"):
        shop.create(SERVICES, service("y", clusterIP=addresses[0]))
    assert "clusterIP" not in shop.create(SERVICES, service("e", type="ExternalName", externalName="e"))["spec"]


def test_node_ports_are_free_ones_and_nobody_elses(shop: Shop) -> None:
    created = shop.create(SERVICES, service(type="NodePort"))["spec"]["ports"][0]["nodePort"]
    assert created in NODE_PORTS
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", created))
    taken = {"port": 80, "name": "http", "nodePort": created}
    with pytest.raises(InvalidError, match="provided port is already allocated, to the Service shop/x"):
        shop.create(SERVICES, service("y", type="NodePort", ports=[taken]))


def test_a_gateway_gets_no_port_that_another_program_listens_on(shop: Shop) -> None:
    labels = {"labels": {"istio": "ingressgateway"}, "annotations": {"inject.istio.io/templates": "gateway"}}
    shop.create(PODS, {**pod(), "metadata": {"name": "gateway", **labels}})
    shop.create(SERVICES, service(type="NodePort", selector={"istio": "ingressgateway"}))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = {"port": 80, "nodePort": other.getsockname()[1]}
        with pytest.raises(
            InvalidError, match=r"nodePort: Invalid value: .* another program on this machine listens there"
        ):
            shop.patch(SERVICES, {"spec": {"ports": [port]}}, STRATEGIC)
    shop.patch(SERVICES, {"spec": {"ports": [port]}}, STRATEGIC)


def test_a_service_keeps_what_it_was_given(shop: Shop) -> None:
    before = shop.create(SERVICES, service(type="NodePort"))["spec"]
    after = shop.update(SERVICES, service(type="NodePort"))["spec"]
    assert (after["clusterIP"], after["ports"]) == (before["clusterIP"], before["ports"])
    patched = shop.patch(SERVICES, {"spec": {"type": "ClusterIP"}}).object["spec"]
    assert (patched["clusterIP"], patched["ports"][0].get("nodePort")) == (before["clusterIP"], None)


def test_an_update_leaves_the_status_and_a_status_leaves_the_rest(shop: Shop) -> None:
    created = shop.create(DEPLOYMENTS, deployment())
    status = {"replicas": 1}
    shop.update(DEPLOYMENTS, {**created, "spec": {"anything": 1}, "status": status}, "status")
    stored = shop.store.get(DEPLOYMENTS, Key("shop", "x"))
    assert (stored["status"], stored["spec"], stored["metadata"]["generation"]) == (status, created["spec"], 1)
    updated = shop.update(DEPLOYMENTS, {**deployment(), "status": {"replicas": 7}})
    assert updated["status"] == status


def test_the_same_document_again_changes_nothing(shop: Shop) -> None:
    first = shop.create(DEPLOYMENTS, deployment())
    assert shop.update(DEPLOYMENTS, deployment()) == first


def test_a_stale_revision_is_a_conflict(shop: Shop) -> None:
    created = shop.create(CONFIG_MAPS, {"metadata": {"name": "x"}})
    shop.patch(CONFIG_MAPS, {"data": {"a": "b"}})
    with pytest.raises(ConflictError):
        shop.update(CONFIG_MAPS, created)


def test_each_kind_of_patch_changes_what_it_says(shop: Shop) -> None:
    shop.create(SERVICES, service())
    shop.patch(SERVICES, {"spec": {"ports": [{"port": 81, "name": "more"}]}}, STRATEGIC)
    shop.patch(SERVICES, [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}], OPERATIONS)
    patched = shop.patch(SERVICES, {"metadata": {"labels": {"c": "d"}}}, MERGE).object
    assert [port["port"] for port in patched["spec"]["ports"]] == [80, 81]
    assert patched["metadata"]["labels"] == {"a": "b", "c": "d"}


def test_a_patch_is_judged_like_a_document(shop: Shop) -> None:
    shop.create(SERVICES, service())
    before = shop.store.get(SERVICES, Key("shop", "x"))
    with pytest.raises(DecodingError):
        shop.patch(SERVICES, {"spec": {"prots": []}})
    with pytest.raises(InvalidError):
        shop.patch(SERVICES, {"spec": {"ports": []}})
    with pytest.raises(PatchError):
        shop.patch(SERVICES, [{"op": "remove", "path": "/spec/nothing"}], OPERATIONS)
    with pytest.raises(ApiError, match="the body of a patch is an object"):
        shop.patch(SERVICES, [])
    assert shop.store.get(SERVICES, Key("shop", "x")) is before


def test_custom_resources_know_no_strategic_patch(shop: Shop) -> None:
    route = {"route": [{"destination": {"host": "a"}}]}
    shop.create(VIRTUAL_SERVICES, {"metadata": {"name": "x"}, "spec": {"hosts": ["a"], "http": [route]}})
    with pytest.raises(ApiError, match="accepted media types include") as caught:
        shop.patch(VIRTUAL_SERVICES, {"spec": {}}, STRATEGIC)
    assert caught.value.code == 415


def test_scale_is_read_and_written_beside_the_object(shop: Shop) -> None:
    shop.create(DEPLOYMENTS, deployment())
    written = shop.patch(DEPLOYMENTS, {"spec": {"replicas": 4}}, MERGE, "scale").object
    assert (written["kind"], written["spec"], written["status"]["selector"]) == ("Scale", {"replicas": 4}, "a=b")
    for wrong in ({"spec": {"replicas": -1}}, {"spec": {"replicas": "x"}}, {"spec": {"replicas": 2**31}}, {"spec": []}):
        with pytest.raises(ApiError):
            shop.patch(DEPLOYMENTS, wrong, MERGE, "scale")
    assert shop.store.get(DEPLOYMENTS, Key("shop", "x"))["spec"]["replicas"] == 4
    scale = shop.target(DEPLOYMENTS, "x", "scale")
    assert shop.registry.update(scale, {"spec": {"replicas": 5}}, OPTIONS).object["spec"] == {"replicas": 5}
    with pytest.raises(ApiError, match="is no Scale"):
        shop.registry.update(scale, {"metadata": [], "spec": {"replicas": 5}}, OPTIONS)


def test_a_pod_of_an_unknown_account_is_forbidden(shop: Shop) -> None:
    with pytest.raises(ApiError, match='error looking up service account shop/me: serviceaccount "me" not found'):
        shop.create(PODS, pod(serviceAccountName="me"))
    shop.create(SERVICE_ACCOUNTS, {"metadata": {"name": "me"}})
    assert shop.create(PODS, pod(serviceAccountName="me"))["spec"]["serviceAccount"] == "me"


def test_where_a_pod_answers_is_the_kubelets_word_alone(shop: Shop) -> None:
    created = shop.create(PODS, pod())
    shop.store.modify(PODS, Key("shop", "x"), lambda draft: draft["metadata"].update(annotations={ANNOTATION: "{}"}))
    document = {**created, "metadata": {"name": "x", "annotations": {"mine": "1"}}}
    assert shop.update(PODS, document)["metadata"]["annotations"] == {"mine": "1", ANNOTATION: "{}"}
    shop.patch(PODS, {"metadata": {"annotations": {ANNOTATION: "elsewhere"}}})
    assert shop.store.get(PODS, Key("shop", "x"))["metadata"]["annotations"][ANNOTATION] == "{}"


def test_a_dry_run_answers_and_stores_nothing(shop: Shop) -> None:
    dry = WriteOptions(dry_run=True)
    assert shop.create(SERVICES, service(), dry)["metadata"]["uid"]
    assert shop.store.objects(SERVICES) == []
    created = shop.create(DEPLOYMENTS, deployment())
    target = shop.target(DEPLOYMENTS, "x")
    shown = shop.registry.patch(target, {"spec": {"replicas": 2}}, MERGE, dry).object
    assert (shown["spec"]["replicas"], shown["metadata"]["generation"]) == (2, 2)
    shop.registry.delete(target, DeleteOptions(dry_run=True))
    assert shop.store.get(DEPLOYMENTS, target.key) is created


def test_a_deletion_may_insist_on_what_it_deletes(shop: Shop) -> None:
    shop.create(SERVICES, service())
    target = shop.target(SERVICES, "x")
    for options in (DeleteOptions(uid="other"), DeleteOptions(revision="1")):
        with pytest.raises(ApiError, match="Precondition failed"):
            shop.registry.delete(target, options)
    with pytest.raises(ApiError, match="propagationPolicy Orphan is not supported"):
        shop.registry.delete(target, DeleteOptions(propagation="Orphan"))
    shop.registry.delete(target, DeleteOptions())
    with pytest.raises(NotFoundError):
        shop.registry.delete(target, DeleteOptions())


def test_an_object_that_was_made_anew_is_not_replaced_by_who_knew_the_old_one(shop: Shop) -> None:
    old = shop.create(SERVICES, service())
    with pytest.raises(ApiError, match="Precondition failed: uid"):
        shop.update(SERVICES, {**old, "metadata": {"name": "x", "uid": "other"}})
    assert shop.update(SERVICES, {**old, "metadata": {"name": "x", "uid": ""}}) == old


def test_a_grace_without_end_has_none(shop: Shop) -> None:
    shop.create(PODS, pod(terminationGracePeriodSeconds=2**63 - 1))
    shop.store.modify(PODS, Key("shop", "x"), lambda draft: draft["spec"].update(nodeName="localmesh"))
    for grace in (10**30, None):
        deleted = shop.registry.delete(shop.target(PODS, "x"), DeleteOptions(grace=grace))
        assert deleted["metadata"]["deletionGracePeriodSeconds"] == LONGEST_GRACE


def test_when_no_node_port_is_left_it_is_said(shop: Shop) -> None:
    ports = [{"port": number, "name": f"p{number}"} for number in range(1, len(NODE_PORTS) + 2)]
    with pytest.raises(InvalidError, match="all of 30000-32767 is taken"):
        shop.create(SERVICES, service(type="NodePort", ports=ports))


def test_an_image_that_cannot_run_is_said_at_once_with_its_place(shop: Shop) -> None:
    registry = Registry(shop.store, lambda image: f"no {image}" if image == "c" else "")
    target = shop.target(PODS)
    assert registry.create(target, pod(), OPTIONS).warnings == ("spec.containers[0].image: no c",)
    written = registry.create(shop.target(DEPLOYMENTS), deployment(), OPTIONS)
    assert written.warnings == ("spec.template.spec.containers[0].image: no c",)
    known = pod("y", containers=[{"name": "c", "image": "known"}])
    assert registry.create(target, known, OPTIONS).warnings == ()


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        ("broken", 'status: Invalid value: "broken": must be an object'),
        ({"phase": 7}, "status.phase: Invalid value: 7: must be a string"),
        ({"containerStatuses": {"name": "c"}}, "status.containerStatuses: Invalid value"),
        ({"conditions": [{"type": "Ready"}]}, "status.conditions[0].status: Required value"),
    ],
)
def test_a_status_that_is_none_is_refused(shop: Shop, status: Any, complaint: str) -> None:
    shop.create(PODS, pod())
    with pytest.raises(InvalidError, match=re.escape(complaint)):
        shop.update(PODS, {**pod(), "status": status}, "status")
    with pytest.raises(InvalidError, match=re.escape(complaint)):
        shop.patch(PODS, {"status": status}, subresource="status")
    assert shop.store.objects(PODS)[0]["status"] == {"phase": "Pending"}


def test_a_status_that_is_one_is_stored(shop: Shop) -> None:
    shop.create(PODS, pod())
    status = {"phase": "Running", "podIP": "127.0.0.1"}
    assert shop.update(PODS, {**pod(), "status": status}, "status")["status"] == status
