import gzip

from localmesh.telemetry.forwarding import Forwarder
from localmesh.telemetry.host_guard import MAX_BODY
from localmesh.telemetry.trace_store import TraceStore
from localmesh.telemetry.traces import MAX_SPANS, create_app
from tests.localmesh.telemetry.asking import asking
from tests.localmesh.telemetry.making import RETRIED, TRACE, body, counted

PROTOBUF = {"content-type": "application/x-protobuf"}


async def test_spans_that_were_sent_are_listed_and_shown() -> None:
    async with asking(create_app(TraceStore())) as client:
        assert (await client.post("/api/v2/spans", content=body(RETRIED))).status_code == 202
        listed = (await client.get("/api/traces?retried=true&min_ms=0&limit=5")).json()
        assert listed["kept"] == 1
        assert listed["traces"][0]["retries"] == 1
        assert listed["traces"][0]["parent"] == ""
        shown = (await client.get(f"/api/traces/{TRACE}")).json()
        assert [row["attempt"] for row in shown["rows"]] == [0, 0, 1, 0, 2]
        assert (await client.get("/api/traces?errors=true")).json()["traces"] == []


async def test_nonsense_is_refused_with_its_reason_and_an_odd_question_is_none() -> None:
    async with asking(create_app(TraceStore())) as client:
        answer = await client.post("/api/v2/spans", content=b"{}")
        assert (answer.status_code, "Zipkin" in answer.json()["error"]) == (400, True)
        answer = await client.post("/v1/traces", content=b"{}", headers={"content-type": "application/json"})
        assert "http/protobuf" in answer.json()["error"]
        assert (await client.post("/v1/traces", content=b"\xff", headers=PROTOBUF)).status_code == 400
        capitals = {"content-type": "Application/X-Protobuf ; x=1"}
        assert (await client.post("/api/v2/spans", content=b"", headers=capitals)).status_code == 202
        assert (await client.post("/api/v2/spans", content=b"[]", headers=capitals)).status_code == 400
        assert (await client.get("/api/traces/abc")).status_code == 404
        assert (await client.get("/api/traces?limit=-1&min_ms=٣&service=%00")).json()["traces"] == []


async def test_otlp_comes_packed_too_but_not_without_bound() -> None:
    async with asking(create_app(TraceStore())) as client:
        headers = {**PROTOBUF, "content-encoding": "gzip"}
        assert (await client.post("/v1/traces", content=gzip.compress(b""), headers=headers)).status_code == 200
        answer = await client.post("/v1/traces", content=gzip.compress(bytes(MAX_BODY + 1)), headers=headers)
        assert (answer.status_code, "unpacked" in answer.json()["error"]) == (400, True)
        assert (await client.post("/v1/traces", content=b"no gzip", headers=headers)).status_code == 400


async def test_the_page_and_its_files_are_there_and_no_others() -> None:
    async with asking(create_app(TraceStore(), "http://127.0.0.1:30003/")) as client:
        page = (await client.get("/")).text
        assert 'href="http://127.0.0.1:30003/"' in page
        assert (await client.get("/static/traces.js")).headers["content-type"].startswith("text/javascript")
        for name in ("traces.html", "nothing.js", "..%2Fguard.py", "%2e%2e%2fguard.py"):
            assert (await client.get(f"/static/{name}")).status_code == 404


async def test_with_a_collector_outside_nothing_is_kept_and_the_page_says_where_it_went() -> None:
    forwarder = Forwarder("http://127.0.0.1:1/v1/traces")
    async with asking(create_app(TraceStore(), forwarder=forwarder)) as client:
        assert (await client.post("/api/v2/spans", content=body(RETRIED))).status_code == 202
        assert (await client.post("/v1/traces", content=b"", headers=PROTOBUF)).status_code == 200
        listed = (await client.get("/api/traces")).json()
        answer = await client.get(f"/api/traces/{TRACE}")
    assert (listed["kept"], listed["traces"], listed["outside"]["url"]) == (0, [], forwarder.url)
    assert (answer.status_code, forwarder.url in answer.json()["error"]) == (404, True)
    assert len(forwarder._waiting) == 2
    async with asking(create_app(TraceStore())) as client:
        assert (await client.get("/api/traces")).json()["outside"] is None


async def test_what_services_count_is_taken_and_shown() -> None:
    async with asking(create_app(TraceStore())) as client:
        assert (await client.post("/v1/metrics", content=counted(), headers=PROTOBUF)).status_code == 200
        page = await client.get("/metrics")
        assert (await client.post("/v1/metrics", content=b"\xff", headers=PROTOBUF)).status_code == 400
        assert (await client.post("/v1/metrics", content=counted())).status_code == 400
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'requests_total{code="200",namespace="shop",pod="catalog-1",job="shop/catalog"} 3\n' in page.text


async def test_a_body_of_spans_without_end_is_refused_whole_before_it_fills_the_memory() -> None:
    tiny = bytes.fromhex("0a060a01011a0101")
    async with asking(create_app(TraceStore()), max_body=MAX_BODY) as client:
        answer = await client.post("/api/v2/spans", content=tiny * (MAX_SPANS + 1), headers=PROTOBUF)
        assert (answer.status_code, "spans that are taken at once" in answer.json()["error"]) == (400, True)
        assert (await client.get("/api/traces")).json()["kept"] == 0
        assert (await client.post("/api/v2/spans", content=tiny * 3, headers=PROTOBUF)).status_code == 202


async def test_a_packed_body_that_broke_off_is_refused_whole() -> None:
    cut = gzip.compress(counted())[:-9]
    async with asking(create_app(TraceStore())) as client:
        answer = await client.post("/v1/traces", content=cut, headers={**PROTOBUF, "content-encoding": "GZIP"})
        assert (answer.status_code, "ends too early" in answer.json()["error"]) == (400, True)


async def test_whatever_was_taken_can_be_shown() -> None:
    odd = [{**RETRIED[0], "name": "\ud800", "timestamp": 10**4000, "duration": 10**4000}]
    async with asking(create_app(TraceStore())) as client:
        assert (await client.post("/api/v2/spans", content=body(odd))).status_code == 202
        assert (await client.get("/api/traces")).json()["traces"][0]["duration_us"] > 0
