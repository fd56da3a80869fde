import asyncio

import pytest

from localmesh.apiserver.write import latecomers
from localmesh.apiserver.write.latecomers import create_last, tell_available
from localmesh.core.objects import Key
from localmesh.kinds.resources import DEPLOYMENTS
from localmesh.store.objects import Store


def deployment(store: Store, name: str) -> Key:
    created = store.create(DEPLOYMENTS, {"metadata": {"name": name, "namespace": "shop"}, "spec": {"replicas": 1}})
    return Key("shop", created["metadata"]["name"])


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def become_available(store: Store, key: Key) -> None:
    status = {"observedGeneration": 1, "availableReplicas": 1}
    store.modify(DEPLOYMENTS, key, lambda draft: draft.update(status=status))


async def test_what_comes_last_comes_once_all_that_was_there_is_available() -> None:
    store, created = Store(), asyncio.Event()
    first, second = deployment(store, "gateway"), deployment(store, "webapp")
    waiting = asyncio.create_task(create_last(store, created.set))
    for key in (first, second):
        await settle()
        assert not created.is_set()
        become_available(store, key)
    await waiting
    assert created.is_set()


async def test_what_never_becomes_available_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latecomers, "PATIENCE_S", 0)
    store, created = Store(), asyncio.Event()
    deployment(store, "stuck")
    await create_last(store, created.set)
    assert created.is_set()


async def test_each_one_that_is_available_is_told_of_once_as_long_as_anybody_listens() -> None:
    store, told = Store(), []
    first, second, third = (deployment(store, name) for name in ("gateway", "webapp", "catalog"))

    def tell(key: Key) -> bool:
        told.append(key)
        return len(told) < 2

    telling = asyncio.create_task(tell_available(store, tell))
    become_available(store, second)
    await settle()
    become_available(store, first)
    await telling
    become_available(store, third)
    assert told == [second, first]
