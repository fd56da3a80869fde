from localmesh.core.objects import key_of
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS
from localmesh.store.events import FEW, Recorder
from localmesh.store.objects import Store


def test_what_was_said_is_forgotten_with_its_event() -> None:
    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    pod = store.create(PODS, {"metadata": {"namespace": "shop", "name": "web"}, "spec": {}})
    recorder = Recorder(store, "kubelet")
    for number in range(5 * FEW):
        recorder.normal(pod, "Pulled", f"image {number}")
        for event in store.objects(EVENTS):
            store.remove(EVENTS, key_of(event))
    assert len(recorder._names) <= 2 * FEW + 1


def test_an_event_whose_count_somebody_took_away_counts_on() -> None:
    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    pod = store.create(PODS, {"metadata": {"namespace": "shop", "name": "web"}, "spec": {}})
    recorder = Recorder(store, "kubelet")
    recorder.normal(pod, "Pulled", "image")
    (event,) = store.objects(EVENTS)
    store.modify(EVENTS, key_of(event), lambda draft: draft.pop("count"))
    recorder.normal(pod, "Pulled", "image")
    assert [each["count"] for each in store.objects(EVENTS)] == [2]
