import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.http import watching
from localmesh.apiserver.http.rendering import Form
from localmesh.apiserver.http.watching import LONGEST, Watch, watch
from localmesh.apiserver.read.selectors import Selector
from localmesh.apiserver.target import Target
from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import CONFIG_MAPS, VIRTUAL_SERVICES
from localmesh.kinds.schema.definitions import Schema
from localmesh.store.objects import HISTORY, Store

TARGET = Target(CONFIG_MAPS, "v1", "shop")


def create(store: Store, name: str, namespace: str = "shop", **labels: str) -> Object:
    return store.create(CONFIG_MAPS, {"metadata": {"name": name, "namespace": namespace, "labels": labels}})


def relabel(store: Store, name: str, **labels: str) -> Object:
    return store.modify(CONFIG_MAPS, Key("shop", name), lambda draft: draft["metadata"].update(labels=labels))


def begin(store: Store, query: str, labels: str = "", form: Form | None = None) -> AsyncIterator[bytes]:
    parameters = QueryParams(query)
    return watch(
        store, Watch.of(TARGET, Selector.parse(labels, "", Schema.of(CONFIG_MAPS)), form or Form(), parameters)
    )


async def events(lines: AsyncIterator[bytes], count: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    async with asyncio.timeout(5):
        async for chunk in lines:
            told = map(json.loads, chunk.splitlines())
            found.extend((event["type"], event["object"]) for event in told)
            if len(found) >= count:
                break
    return found


def named(found: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(type_, obj["metadata"]["name"]) for type_, obj in found]


async def test_without_a_revision_the_state_comes_first_and_then_changes() -> None:
    store = Store()
    create(store, "a")
    create(store, "elsewhere", "other")
    lines = begin(store, "resourceVersion=0")
    assert named(await events(lines, 1)) == [("ADDED", "a")]
    relabel(store, "a", x="y")
    create(store, "b")
    store.remove(CONFIG_MAPS, Key("shop", "a"))
    assert named(await events(lines, 3)) == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]


async def test_with_a_revision_only_later_changes_come() -> None:
    store = Store()
    revision = create(store, "a")["metadata"]["resourceVersion"]
    create(store, "b")
    assert named(await events(begin(store, f"resourceVersion={revision}"), 1)) == [("ADDED", "b")]


async def test_an_object_that_enters_the_selection_is_added_and_one_that_leaves_is_deleted() -> None:
    store = Store()
    create(store, "a", on="no")
    lines = begin(store, f"resourceVersion={store.revision}", "on=yes")
    relabel(store, "a", on="yes")
    relabel(store, "a", on="yes", more="1")
    relabel(store, "a", on="no")
    relabel(store, "a", on="no", more="1")
    relabel(store, "a", on="yes")
    store.remove(CONFIG_MAPS, Key("shop", "a"))
    types = [type_ for type_, _ in await events(lines, 5)]
    assert types == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]


async def test_the_end_of_the_first_events_is_marked() -> None:
    store = Store()
    create(store, "a")
    _, (type_, bookmark) = await events(begin(store, "sendInitialEvents=true&resourceVersion=99"), 2)
    assert (type_, bookmark["kind"], bookmark["apiVersion"]) == ("BOOKMARK", "ConfigMap", "v1")
    assert bookmark["metadata"] == {
        "resourceVersion": str(store.revision),
        "annotations": {"k8s.io/initial-events-end": "true"},
    }


async def test_a_table_has_its_columns_in_the_first_event_only() -> None:
    store = Store()
    create(store, "a")
    create(store, "b")
    first, second = await events(begin(store, "", form=Form(tabular=True)), 2)
    assert [column["name"] for column in first[1]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second[1]["columnDefinitions"] == []
    assert second[1]["rows"][0]["cells"][0] == "b"


async def test_what_is_forgotten_is_answered_with_an_error() -> None:
    store = Store()
    create(store, "a")
    for number in range(HISTORY + 1):
        relabel(store, "a", number=str(number))
    ((type_, status),) = await events(begin(store, "resourceVersion=1"), 2)
    assert (type_, status["reason"], status["code"]) == ("ERROR", "Expired", 410)


async def test_a_revision_of_a_store_that_was_there_before_is_answered_with_an_error() -> None:
    store = Store()
    create(store, "a")
    ((type_, status),) = await events(begin(store, f"resourceVersion={store.revision + 1}"), 2)
    assert (type_, status["reason"], status["code"]) == ("ERROR", "Expired", 410)


async def test_a_watch_ends_after_its_time() -> None:
    assert await events(watch(Store(), Watch(TARGET, Selector(), Form(), since=0, timeout=0.05)), 1) == []


def test_a_time_of_nought_is_none_and_one_without_end_is_long() -> None:
    times = {text: Watch.of(TARGET, Selector(), Form(), QueryParams(f"timeoutSeconds={text}")).timeout for text in
             ("0", "", "5", "9" * 400)}  # fmt: skip
    assert (times["0"], times[""], times["5"]) == (LONGEST, LONGEST, 5)
    assert time.monotonic() + times["9" * 400] > LONGEST


async def test_who_watches_what_is_quiet_learns_where_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = itertools.count(0, 60)
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: next(minutes)))
    store = Store()
    lines = begin(store, f"resourceVersion={store.revision}&allowWatchBookmarks=true")
    for name in ("a", "b"):
        create(store, name, "other")
        ((type_, bookmark),) = await events(lines, 1)
        assert (type_, bookmark["metadata"]["resourceVersion"]) == ("BOOKMARK", str(store.revision))


@pytest.mark.parametrize("ticks", range(4))
async def test_a_watch_whose_client_goes_while_something_changes_ends(ticks: int) -> None:
    store = Store()
    watching = asyncio.create_task(events(begin(store, ""), 10))
    await asyncio.sleep(0.01)  # the watch waits
    create(store, "a")
    for _ in range(ticks):
        await asyncio.sleep(0)
    watching.cancel()
    await asyncio.wait([watching], timeout=1)
    assert watching.cancelled()


async def test_events_are_of_the_version_that_was_asked_for() -> None:
    store = Store()
    store.create(VIRTUAL_SERVICES, {"metadata": {"name": "v", "namespace": "shop"}, "spec": {}})
    wanted = Watch(Target(VIRTUAL_SERVICES, "v1beta1"), Selector(), Form(), since=0)
    ((_, obj),) = await events(watch(store, wanted), 1)
    assert obj["apiVersion"] == "networking.istio.io/v1beta1"


def test_parameters_that_are_no_numbers_are_refused() -> None:
    for query in ("resourceVersion=now", "timeoutSeconds=nan"):
        with pytest.raises(ApiError, match="resourceVersion and timeoutSeconds are numbers"):
            Watch.of(TARGET, Selector(), Form(), QueryParams(query))
