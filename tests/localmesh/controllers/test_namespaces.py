import asyncio

import pytest

from localmesh.controllers import Controllers, garbage, namespaces
from localmesh.core.loops import Loops
from localmesh.core.objects import Key
from localmesh.kinds.resources import CONFIG_MAPS, EVENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS, SERVICES
from localmesh.store.deletion import delete
from localmesh.store.objects import Store

from .conftest import Cluster

SHOP = Key("", "shop")


def test_each_namespace_is_active_and_has_a_service_account(cluster: Cluster) -> None:
    cluster.settle()
    assert cluster.store.get(NAMESPACES, SHOP)["status"] == {"phase": "Active"}
    assert cluster.store.find(SERVICE_ACCOUNTS, Key("shop", "default"))


def test_a_deleted_namespace_keeps_its_content_for_a_moment(cluster: Cluster) -> None:
    cluster.service()
    cluster.settle()
    delete(cluster.store, NAMESPACES, SHOP)
    due = cluster.settle()
    assert cluster.store.get(NAMESPACES, SHOP)["status"]["phase"] == "Terminating"
    assert cluster.store.objects(SERVICES), "kubectl delete -f DIR still finds them"
    assert any(seconds is not None and 0 < seconds <= 1 for seconds in due)


def test_then_it_is_emptied_and_goes_when_its_pods_have_ended(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "LINGER", 0.0)
    cluster.deployment(replicas=2)
    cluster.service()
    cluster.create(CONFIG_MAPS, "settings")
    cluster.settle()
    cluster.run()
    delete(cluster.store, NAMESPACES, SHOP)
    cluster.settle()
    assert cluster.pods() == []
    assert cluster.store.find(NAMESPACES, SHOP), "its pods still end"
    cluster.finish()
    cluster.settle()
    for resource in (NAMESPACES, PODS, SERVICES, CONFIG_MAPS, EVENTS, SERVICE_ACCOUNTS):
        assert cluster.store.objects(resource) == []


async def test_the_controllers_run_by_themselves_and_wake_by_the_clock() -> None:
    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    async with Controllers(store, Loops()), asyncio.timeout(5):
        delete(store, NAMESPACES, SHOP)
        async for _ in store.changed():
            if store.find(NAMESPACES, SHOP) is None:
                break


def test_old_events_are_forgotten(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "PAUSE", 0)
    cluster.deployment()
    due = cluster.settle()
    assert any(seconds is not None and seconds > 3500 for seconds in due)
    monkeypatch.setattr(garbage, "EVENT_TTL", -1.0)
    cluster.settle()
    assert cluster.store.objects(EVENTS) == []


def test_what_has_no_owner_any_more_is_collected(cluster: Cluster) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1234"}
    cluster.create(CONFIG_MAPS, "orphan", metadata={"ownerReferences": [owner]})
    cluster.create(CONFIG_MAPS, "own")
    cluster.settle()
    assert [each["metadata"]["name"] for each in cluster.store.objects(CONFIG_MAPS)] == ["own"]
