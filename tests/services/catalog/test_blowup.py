import asyncio
import math
import socket

import httpx
import pytest

from tests.services.processes import Service, running
from tests.services.waiting import until

NEVER_HIT = ["/livez", "/readyz", "/blowup", "/items/1/picture"]


async def test_the_originals_bodies_switch_faults_on_and_off(catalog: httpx.AsyncClient) -> None:
    on = await catalog.post("/blowup", json={"active": True, "type": "500", "percentage": 100})
    assert (on.status_code, on.text) == (200, 'blowups={"500": "100%"}')
    assert (await catalog.get("/items")).status_code == 500
    off = await catalog.post("/blowup", json={"active": False, "type": "500"})
    assert (off.status_code, off.text) == (200, "blowups={}")
    assert (await catalog.get("/items")).status_code == 200


async def test_a_status_fault_answers_without_a_body(catalog: httpx.AsyncClient) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "500"})
    assert (await catalog.get("/items/1")).content == b""


@pytest.mark.parametrize("status", [400, 404, 418, 429, 500, 503, 599])
async def test_any_error_status_may_be_named(catalog: httpx.AsyncClient, status: int) -> None:
    await catalog.post("/blowup", json={"active": True, "type": str(status)})
    answers = [await catalog.get("/items"), await catalog.get("/items/1"), await catalog.post("/items", json={})]
    assert [answer.status_code for answer in answers][:2] == [status, status]


async def test_delete_takes_a_fault_away_and_minds_no_unknown_one(catalog: httpx.AsyncClient) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "500"})
    for _ in range(2):
        answer = await catalog.request("DELETE", "/blowup", json={"type": "500"})
        assert (answer.status_code, answer.text) == (200, "deleted blowup 500")
    assert (await catalog.get("/items")).status_code == 200


async def test_the_report_tells_what_each_fault_could_hit_and_did_hit(catalog: httpx.AsyncClient) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "500", "percentage": 50})
    failed = [(await catalog.get("/items")).is_error for _ in range(100)]
    report = (await catalog.get("/blowup")).json()
    assert report == {"500": {"active": True, "type": "500", "percentage": 50, "seen": 100, "hit": sum(failed)}}
    assert abs(sum(failed) - 50) <= 5 * math.sqrt(25)


async def test_the_report_of_latency_tells_how_long_it_is_too(catalog: httpx.AsyncClient) -> None:
    order = {"active": True, "type": "latency", "percentage": 5, "latencyMs": 1.5, "volatile": True}
    await catalog.post("/blowup", json=order)
    answer = await catalog.get("/blowup")
    assert answer.json() == {"latency": {**order, "seen": 0, "hit": 0}}
    assert '"percentage":5,"latencyMs":1.5,' in answer.text  # and not 5.0


async def test_minus_zero_percent_is_no_percent(catalog: httpx.AsyncClient) -> None:
    answer = await catalog.post(
        "/blowup",
        content='{"active": true, "type": "500", "percentage": -0.0}',
        headers={"content-type": "application/json"},
    )
    assert answer.text == 'blowups={"500": "0%"}'


async def test_a_fault_hits_a_request_whose_body_is_no_json(catalog: httpx.AsyncClient) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "503"})
    answer = await catalog.post("/items", content="{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.content) == (503, b"")


async def test_a_name_that_would_steer_a_terminal_is_no_faults_name(catalog: httpx.AsyncClient) -> None:
    answer = await catalog.request("DELETE", "/blowup", json={"type": "\x1b[2J"})
    assert answer.status_code == 422


async def test_no_fault_means_an_empty_report(catalog: httpx.AsyncClient) -> None:
    assert (await catalog.get("/blowup")).text == "{}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"active": true}', "type"),
        ('{"type": "500"}', "active"),
        ('{"active": "yes", "type": "500"}', "active"),
        ('{"active": true, "type": "200"}', "type"),
        ('{"active": true, "type": "600"}', "type"),
        ('{"active": true, "type": "5000"}', "type"),
        ('{"active": true, "type": "5\u0660\u0660"}', "type"),
        ('{"active": true, "type": "500", "percentage": 101}', "percentage"),
        ('{"active": true, "type": "500", "percentage": -1}', "percentage"),
        ('{"active": true, "type": "500", "percentage": NaN}', "percentage"),
        ('{"active": true, "type": "500", "percentage": true}', "percentage"),
        ('{"active": true, "type": "500", "percentage": "half"}', "percentage"),
        ('{"active": true, "type": "500", "percent": 5}', "percent"),
        ('{"active": true, "type": "latency", "latencyMs": -5}', "latencyMs"),
        ('{"active": true, "type": "latency", "latencyMs": Infinity}', "latencyMs"),
        ('["500"]', "body"),
        ('{"active": true, ', "body"),
        ("", "body"),
    ],
)
async def test_a_malformed_body_is_refused_in_words_and_changes_nothing(
    catalog: httpx.AsyncClient, body: str, field: str
) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "503", "percentage": 25})
    before = (await catalog.get("/blowup")).json()
    answer = await catalog.post("/blowup", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]
    assert (await catalog.get("/blowup")).json() == before


async def test_a_body_without_its_content_type_is_told_what_is_missing(catalog: httpx.AsyncClient) -> None:
    answer = await catalog.post("/blowup", data={"type": "500"})
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("fault_type", ["500", "drop", "latency"])
async def test_probes_pictures_and_blowup_itself_are_never_hit(catalog: httpx.AsyncClient, fault_type: str) -> None:
    await catalog.post("/blowup", json={"active": True, "type": fault_type, "latencyMs": 3_600_000})
    for path in NEVER_HIT:
        assert (await catalog.get(path)).status_code == 200
    assert (await catalog.get("/blowup")).json()[fault_type]["seen"] == 0


async def test_a_delayed_request_holds_up_no_other(catalog: httpx.AsyncClient) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "latency", "latencyMs": 3_600_000})
    delayed = [asyncio.create_task(catalog.get("/items")) for _ in range(50)]

    async def all_wait() -> bool:
        return bool((await catalog.get("/blowup")).json()["latency"]["seen"] == 50)

    await until(all_wait)
    await catalog.request("DELETE", "/blowup", json={"type": "latency"})
    assert (await catalog.get("/items")).status_code == 200
    assert not any(task.done() for task in delayed)
    for task in delayed:
        task.cancel()
    await asyncio.gather(*delayed, return_exceptions=True)


async def test_where_no_connection_can_be_dropped_that_is_said(catalog: httpx.AsyncClient) -> None:
    await catalog.post("/blowup", json={"active": True, "type": "drop"})
    with pytest.raises(RuntimeError, match=r"under a server with the ASGI extension services\.chassis\.abort"):
        await catalog.get("/items")


def raw_answer(service: Service, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.process
def test_a_dropped_connection_ends_without_a_byte_and_the_service_lives_on() -> None:
    with running("catalog") as catalog:
        httpx.post(f"{catalog.url}/blowup", json={"active": True, "type": "drop"}, trust_env=False)
        assert raw_answer(catalog, b"GET /items HTTP/1.1\r\nHost: catalog\r\n\r\n") == b""
        body = b"POST /items HTTP/1.1\r\nHost: catalog\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        assert raw_answer(catalog, body) == b""
        assert httpx.get(f"{catalog.url}/blowup", trust_env=False).json()["drop"]["hit"] == 2
        assert "Exception in ASGI" not in catalog.output.read_text()


@pytest.mark.process
def test_abandoned_requests_under_latency_hold_up_no_end_and_leave_no_traceback() -> None:
    with running("catalog", DRAIN_SECONDS="3600") as catalog:
        body = {"active": True, "type": "latency", "latencyMs": 3_600_000}
        httpx.post(f"{catalog.url}/blowup", json=body, trust_env=False).raise_for_status()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", catalog.port)) as client:
                client.sendall(b"GET /items HTTP/1.1\r\nhost: c\r\n\r\n")
        assert catalog.terminate() == 0
        written = catalog.output.read_text()
    assert "Traceback" not in written
    assert written.count("GET /items client gone") == 3
