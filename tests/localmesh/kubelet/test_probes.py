import asyncio
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from localmesh.core.loopback import free_port
from localmesh.kinds.kubernetes.pods import Probe
from localmesh.kinds.messages import message
from localmesh.kubelet.probes import ProbeResult, attempts, question


class Pod:
    """A probe's target: one port, and commands whose outcome is given."""

    def __init__(self, port: int = 0, outcome: tuple[int, str] = (0, "")) -> None:
        self._port = port
        self._outcome = outcome

    def local_port(self, port: int | str) -> int | None:
        return self._port if port in (3000, "http") else None

    async def run_command(self, command: Sequence[str]) -> tuple[int, str]:
        await asyncio.sleep(float(command[0]))
        return self._outcome


async def verdicts(probe: Probe, answers: Iterator[str | None], count: int) -> list[ProbeResult]:
    async def ask() -> str | None:
        return next(answers)

    found = []
    async for verdict in attempts(probe, ask):
        found.append(verdict)
        if len(found) == count:
            break
    return found


async def test_thresholds_count_attempts_in_a_row() -> None:
    probe = Probe(period_seconds=0, success_threshold=2, failure_threshold=2)
    answers = iter([None, "no", "no", None, None])
    found = await verdicts(probe, answers, 5)
    assert [(each.passed, each.failed) for each in found] == [
        (False, False),
        (False, False),
        (False, True),
        (False, False),
        (True, False),
    ]


async def test_a_start_is_seen_long_before_a_period_is_over() -> None:
    probe = Probe(period_seconds=60)
    async with asyncio.timeout(5):
        [verdict] = await verdicts(probe, iter(["not yet", "not yet", None]), 1)
    assert verdict.passed


async def test_until_it_answers_failures_are_counted_once_a_period() -> None:
    probe = Probe(period_seconds=1, failure_threshold=1)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    [verdict] = await verdicts(probe, iter(["no"] * 100), 1)
    assert verdict.failed
    assert loop.time() - begin >= 1


async def answering(response: bytes) -> tuple[int, asyncio.Server]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    port = free_port()
    return port, await asyncio.start_server(serve, "127.0.0.1", port)


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", None),
        (b"HTTP/1.1 302 Found\r\n\r\n", None),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP probe failed with statuscode: 503"),
        (b"rubbish\r\n\r\n", "malformed HTTP: illegal status line"),
        (b"", ": EOF"),
        (b"HTTP/1.1 200", ": EOF"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", None),
    ],
)
async def test_an_http_probe_wants_200_to_399(response: bytes, failure: str | None) -> None:
    port, server = await answering(response)
    probe = message(Probe, {"httpGet": {"port": "http", "path": "/livez"}})
    answer = await question(probe, Pod(port))()
    server.close()
    assert answer is None if failure is None else failure in str(answer)


async def test_an_http_probe_sends_what_its_manifest_says() -> None:
    port, heads = free_port(), list[list[str]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    headers = [{"name": "host", "value": "shop.example"}, {"name": "X-Word", "value": "a b"}]
    get = {"port": "http", "path": "a b?q=é", "httpHeaders": headers}
    assert await question(message(Probe, {"httpGet": get}), Pod(port))() is None
    server.close()
    [[line, *fields]] = heads
    assert line == "GET /a%20b?q=%C3%A9 HTTP/1.1"
    assert {"host: shop.example", "X-Word: a b", "User-Agent: kube-probe/1.34"} <= set(fields)
    assert not [field for field in fields if field.startswith("Host")]


async def test_nobody_there_is_said_as_the_kubelet_says_it() -> None:
    port = free_port()
    probe = message(Probe, {"httpGet": {"port": 3000, "path": "livez"}})
    answer = await question(probe, Pod(port))()
    assert answer == f'Get "http://127.0.0.1:{port}/livez": dial tcp 127.0.0.1:{port}: connect: connection refused'


async def test_a_port_that_no_container_has_fails() -> None:
    probe = message(Probe, {"tcpSocket": {"port": "other"}})
    assert await question(probe, Pod())() == "no container of the pod has a port other"


@pytest.mark.parametrize(
    ("seconds", "outcome", "failure"),
    [("0", (0, ""), None), ("0", (2, "no such file\n"), "command exited 2: no such file"), ("9", (0, ""), "timed out")],
)
async def test_a_command_must_end_well_and_in_time(seconds: str, outcome: Any, failure: str | None) -> None:
    probe = message(Probe, {"exec": {"command": [seconds]}, "timeoutSeconds": 1})
    answer = await question(probe, Pod(outcome=outcome))()
    assert answer is None if failure is None else failure in str(answer)


@pytest.mark.parametrize("path", ["asks", "is answered"])
async def test_a_pod_is_not_blamed_for_a_minute_in_which_this_process_stood_still(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, stood_still = asyncio.get_running_loop(), [0.0]
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + stood_still[0])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if path == "asks":
            stood_still[0] += 60
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()
        if path == "is answered":
            stood_still[0] += 60

    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    probe = message(Probe, {"httpGet": {"port": "http"}, "timeoutSeconds": 1})
    assert await question(probe, Pod(port))() is None
    server.close()


async def test_a_pod_that_never_answers_is_late_however_often_this_process_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, stood_still = asyncio.get_running_loop(), itertools.count(0, 60)
    clock, silent = loop.time, asyncio.Event()
    monkeypatch.setattr(loop, "time", lambda: clock() + next(stood_still))

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    probe = message(Probe, {"httpGet": {"port": "http"}, "timeoutSeconds": 1})
    assert await question(probe, Pod(port))() == "timed out after 1s"
    silent.set()
    server.close()
