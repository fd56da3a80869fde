from localmesh.telemetry.spans import Span, from_zipkin
from localmesh.telemetry.trace_store import MAX_SPANS, Trace, TraceQuery, TraceStore
from localmesh.telemetry.waterfall import document, drawn, rows
from tests.localmesh.telemetry.making import RETRIED, body


def trace(*more: Span) -> Trace:
    store = TraceStore()
    store.add([*from_zipkin(body(RETRIED)), *more])
    (found,) = store.search(TraceQuery())
    return found


def test_each_attempt_stands_below_its_call_with_its_number_pod_status_and_reason() -> None:
    found = [(row.depth, row.service, row.attempt, row.name, row.peer, row.status, row.reason) for row in rows(trace())]
    assert found == [
        (0, "gateway.shop", 0, "GET /api", "", "200", ""),
        (1, "webapp.shop", 0, "webapp:80/*", "", "200", ""),
        (2, "webapp.shop", 1, "to catalog v2", "catalog-1-abc", "503", "answered 503"),
        (3, "catalog.shop", 0, "catalog:80/*", "", "", ""),
        (2, "webapp.shop", 2, "to catalog v2", "127.0.0.1:2002", "200", ""),
    ]


def test_the_drawing_has_a_line_with_a_bar_for_each_span() -> None:
    head, *lines = drawn(document(trace())).splitlines()
    assert "5 spans, 1 retry" in head
    assert [line.count("█") + line.count("▒") for line in lines] == [24, 19, 5, 3, 8]
    assert "try 1 to catalog v2 → catalog-1-abc  ✗ answered 503" in lines[2]
    assert lines[4].index("█") > lines[2].index("▒")


def test_an_envoys_status_0_is_none() -> None:
    unanswered = {**RETRIED[2], "tags": {**RETRIED[2]["tags"], "http.status_code": "0"}}
    store = TraceStore()
    store.add(from_zipkin(body([unanswered])))
    (found,) = store.search(TraceQuery())
    (row,) = rows(found)
    assert (row.status, row.reason, document(found)["status"]) == ("", "failed", "")


def test_flags_are_said_in_words() -> None:
    spans = [{**RETRIED[2], "tags": {**RETRIED[2]["tags"], "response_flags": "URX,UF"}}]
    store = TraceStore()
    store.add(from_zipkin(body(spans)))
    (found,) = store.search(TraceQuery())
    (row,) = rows(found)
    assert row.reason == "URX: all retries were used up, UF: connection to the endpoint failed"


def test_no_span_is_lost_when_spans_are_each_others_parents() -> None:
    one, other = "a".zfill(16), "b".zfill(16)
    circle = [Span("1f".zfill(32), one, other, "", "x", "one", 1_000_000, 5, {}),
              Span("1f".zfill(32), other, one, "", "x", "other", 1_000_000, 5, {})]  # fmt: skip
    assert sorted(row.name for row in rows(trace(*circle)) if row.service == "x") == ["one", "other"]


def test_a_chain_as_long_as_a_trace_may_be_has_a_row_for_each_span() -> None:
    ids = ["", *(f"{number:016x}" for number in range(1, MAX_SPANS + 1))]
    chain = Trace("c")
    chain.spans = {(id_, "", "x"): Span("c", id_, ids[depth], "", "x", "", 1_000_000 + depth, 1, {})
                   for depth, id_ in enumerate(ids[1:])}  # fmt: skip
    assert [row.depth for row in rows(chain)] == list(range(MAX_SPANS))
    assert all("x: " in line for line in drawn(document(chain)).splitlines()[1:])


def test_a_span_that_does_not_say_when_it_was_does_not_make_its_trace_begin_in_1970() -> None:
    odd = trace(Span("1f".zfill(32), "9".zfill(16), "1".zfill(16), "", "x", "", 0, 0, {}))
    assert odd.duration_us == trace().duration_us


def test_what_others_sent_does_not_move_the_cursor() -> None:
    said = drawn(document(trace(Span("1f".zfill(32), "9".zfill(16), "", "", "x", "a\x1b[2J\nb", 1_000_000, 1, {}))))
    assert "a\ufffd[2J\ufffdb" in said
    assert len(said.splitlines()) == 7
