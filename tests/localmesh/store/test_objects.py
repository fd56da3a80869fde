import asyncio

import pytest

from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import PODS, SERVICES
from localmesh.store.objects import (
    HISTORY,
    AlreadyExistsError,
    ConflictError,
    ExpiredError,
    NotFoundError,
    Store,
)

WEBAPP = Key("shop", "webapp")


def service(name: str = "webapp", namespace: str = "shop", port: int = 80) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"ports": [{"port": port}]}}


def test_a_created_object_has_kind_uid_generation_and_a_revision() -> None:
    created = Store().create(SERVICES, service())
    assert (created["apiVersion"], created["kind"]) == ("v1", "Service")
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["uid"]
    assert created["metadata"]["resourceVersion"] == "2"


def test_a_second_object_of_that_name_is_refused_and_changes_nothing() -> None:
    store = Store()
    store.create(SERVICES, service())
    with pytest.raises(AlreadyExistsError):
        store.create(SERVICES, service(port=81))
    assert store.get(SERVICES, WEBAPP)["spec"] == {"ports": [{"port": 80}]}


def test_resources_and_namespaces_are_kept_apart() -> None:
    store = Store()
    store.create(SERVICES, service())
    store.create(SERVICES, service(namespace="other"))
    assert [obj["metadata"]["namespace"] for obj in store.objects(SERVICES)] == ["other", "shop"]
    assert len(store.objects(SERVICES, "shop")) == 1
    assert store.objects(PODS) == []


def test_an_update_with_the_same_content_makes_no_revision() -> None:
    store = Store()
    created = store.create(SERVICES, service())
    assert store.update(SERVICES, service()) is created
    assert store.changes_since(2) == []


def test_only_another_spec_makes_another_generation() -> None:
    store = Store()
    store.create(SERVICES, service())
    assert store.update(SERVICES, {**service(), "status": {"x": 1}})["metadata"]["generation"] == 1
    assert store.update(SERVICES, service(port=81))["metadata"]["generation"] == 2


def test_an_update_based_on_an_old_revision_is_a_conflict() -> None:
    store = Store()
    old = store.create(SERVICES, service())
    store.update(SERVICES, service(port=81))
    with pytest.raises(ConflictError):
        store.update(SERVICES, {**old, "spec": {}})


def test_modify_edits_a_copy() -> None:
    store = Store()
    created = store.create(SERVICES, service())
    store.modify(SERVICES, WEBAPP, lambda draft: draft["spec"]["ports"].clear())
    assert created["spec"]["ports"] == [{"port": 80}]
    assert store.get(SERVICES, WEBAPP)["spec"]["ports"] == []


def test_a_removed_object_is_logged_with_its_last_state_and_the_revision_of_its_end() -> None:
    store = Store()
    store.create(SERVICES, service())
    store.remove(SERVICES, WEBAPP)
    last = store.changes_since(2)[0]
    assert (last.type, last.object["metadata"]["resourceVersion"]) == ("DELETED", "3")
    with pytest.raises(NotFoundError):
        store.get(SERVICES, WEBAPP)


def test_a_log_that_was_cut_says_so_instead_of_leaving_a_gap() -> None:
    store = Store()
    store.create(SERVICES, service())
    for port in range(HISTORY + 1):
        store.update(SERVICES, service(port=port + 100))
    with pytest.raises(ExpiredError):
        store.changes_since(2)
    assert len(store.changes_since(store.revision - 1)) == 1


async def test_a_loop_wakes_once_for_many_changes() -> None:
    store = Store()
    beats = store.changed()
    await anext(beats)
    for port in (1, 2, 3):
        store.create(SERVICES, service(f"s{port}", port=port))
    await anext(beats)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(beats), 0.01)
    await beats.aclose()
