from collections.abc import Iterator

from localmesh.telemetry.spans import Span, from_zipkin
from localmesh.telemetry.trace_store import MAX_SPANS, TraceQuery, TraceStore
from tests.localmesh.telemetry.making import RETRIED, TRACE, body


def span(trace: int, number: int = 1, parent: str = "", **tags: str) -> Span:
    return Span(f"{trace:032x}", f"{number:016x}", parent, "SERVER", "a", "n", 1000 * trace, 10, tags)


def retried() -> Iterator[Span]:
    return from_zipkin(body(RETRIED))


def test_the_oldest_traces_make_room_by_number_and_by_bytes() -> None:
    store = TraceStore(max_traces=3)
    store.add(span(number) for number in range(1, 6))
    assert [trace.start_us for trace in store.search(TraceQuery())] == [5000, 4000, 3000]
    assert (len(store), store.dropped) == (3, 2)

    store = TraceStore(max_bytes=3 * span(1).size)
    store.add(span(number) for number in range(1, 6))
    assert len(store) == 3
    assert store.size == sum(trace.size for trace in store.search(TraceQuery()))


def test_a_trace_that_never_ends_does_not_grow_for_ever() -> None:
    store = TraceStore()
    store.add(span(1, number) for number in range(MAX_SPANS + 5))
    (trace,) = store.search(TraceQuery())
    assert (len(trace.spans), trace.left_out) == (MAX_SPANS, 5)


def test_a_span_that_comes_twice_is_there_once() -> None:
    store = TraceStore()
    store.add([*retried(), *retried()])
    (trace,) = store.search(TraceQuery())
    assert len(trace.spans) == len(RETRIED)
    assert store.size == trace.size == sum(each.size for each in trace.spans.values())


def test_traces_are_found_by_the_beginning_of_their_id_service_duration_error_and_retry() -> None:
    store = TraceStore()
    store.add([*retried(), span(0xAB, error="true"), span(0xAC)])
    assert store.find(TRACE) is store.find(TRACE[:-1])
    assert store.find("f") is None

    def found(asked: TraceQuery) -> list[str]:
        return [trace.id[-2:] for trace in store.search(asked)]

    assert found(TraceQuery(service="catalog.shop")) == ["1f"]
    assert found(TraceQuery(min_duration_us=100)) == ["1f"]
    assert found(TraceQuery(errors=True)) == ["ab"]
    assert found(TraceQuery(retried=True)) == ["1f"]
    assert found(TraceQuery(limit=1)) == ["ac"]
    assert store.services == ["a", "catalog.shop", "gateway.shop", "webapp.shop"]


def test_a_trace_whose_beginning_is_not_here_has_its_earliest_span_as_root() -> None:
    store = TraceStore()
    store.add([span(1, 2, parent="9".zfill(16)), span(1, 3, parent="2".zfill(16))])
    (trace,) = store.search(TraceQuery())
    assert trace.root.id == "2".zfill(16)


def test_spans_that_are_each_others_parents_have_a_root_all_the_same() -> None:
    store = TraceStore()
    store.add([span(1, 2, parent="3".zfill(16)), span(1, 3, parent="2".zfill(16))])
    (trace,) = store.search(TraceQuery())
    assert trace.root.id in ("2".zfill(16), "3".zfill(16))
