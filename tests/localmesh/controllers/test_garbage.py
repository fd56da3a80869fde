from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from localmesh.controllers.garbage import PAUSE, GarbageCollector
from localmesh.core.objects import Key, Object
from localmesh.kinds.resources import EVENTS, PODS
from localmesh.store.objects import Store

LONG_AGO = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(store: Store, name: str, **fields: object) -> None:
    store.create(EVENTS, {"metadata": {"namespace": "shop", "name": name}, "involvedObject": {}, **fields})


def names(store: Store) -> list[str]:
    return [each["metadata"]["name"] for each in store.objects(EVENTS)]


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"lastTimestamp": None},
        {"lastTimestamp": "yesterday"},
        {"eventTime": "2026-13-01T00:00:00Z"},
        {"lastTimestamp": "2026-01-01T00:00:00"},
    ],
)
def test_an_event_without_a_time_holds_up_nothing(times: Object) -> None:
    store = Store()
    event(store, "odd", **times)
    event(store, "old", lastTimestamp=LONG_AGO)
    orphan = {"namespace": "shop", "name": "orphan", "ownerReferences": [{"uid": "gone"}]}
    store.create(PODS, {"metadata": orphan, "spec": {}})
    due = GarbageCollector(store).reconcile()
    assert names(store) == ["odd"]
    assert store.find(PODS, Key("shop", "orphan")) is None
    assert due is not None
    assert 3500 < due <= 3600


@pytest.mark.parametrize("times", [{"eventTime": LONG_AGO}, {"series": {"lastObservedTime": LONG_AGO, "count": 2}}])
def test_an_event_of_the_newer_api_expires_by_its_own_times(times: Object) -> None:
    store = Store()
    event(store, "new", **times)
    GarbageCollector(store).reconcile()
    assert names(store) == []


def test_not_all_events_are_looked_at_after_each_change() -> None:
    store = Store()
    event(store, "new")
    collector = GarbageCollector(store)
    collector.reconcile()
    with patch.object(Store, "objects", autospec=True, return_value=[]) as looked:
        due = collector.reconcile()
    assert EVENTS not in [call.args[1] for call in looked.call_args_list]
    assert due is not None
    assert 0 < due <= PAUSE
