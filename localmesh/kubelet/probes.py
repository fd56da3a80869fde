"""Probes: whether a container has started, serves and lives."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol
from urllib.parse import quote

import h11
from msgspec import Struct

from localmesh.core.loops import ended
from localmesh.core.places import Place, authority, connect
from localmesh.kinds.kubernetes.pods import Command, HttpGet, Probe

EAGER = 0.01
"""Seconds at the least between two looks at a container that has not answered yet: a start is seen at once, not a
period later. Else it is a fiftieth of the time that it has taken so far, and a period at the most."""

SLICES = 20
"""Into so many a probe's timeout is cut. A slice that ends late, since this process had no core or its loop something
else to do, counts as one: a pod is not blamed for time in which nobody could have read its answer."""

CHUNK = 64 * 1024
_URL_SIGNS = "%/?:@!$&'()*+,;=-._~[]"
"""What may stand in a request's target; all else is escaped, as the kubelet does."""

Ask = Callable[[], Awaitable[str | None]]
"""Puts the question once: returns None for yes, else what is wrong."""


class ProbeTarget(Protocol):
    """The container as its probes see it."""

    def local_port(self, port: int | str) -> Place | None:
        """Return the place behind a container port given by number or name."""

    async def run_command(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in the container; return its exit code and what it said."""


class ProbeResult(Struct, frozen=True):
    """What is known after one more attempt."""

    failure: str | None
    """What was wrong this time, None if nothing."""

    passed: bool
    """Whether `successThreshold` attempts in a row went well."""

    failed: bool
    """Whether `failureThreshold` attempts in a row went wrong."""


async def attempts(probe: Probe, ask: Ask) -> AsyncIterator[ProbeResult]:
    """Probe for ever, and tell after each attempt.

    Until the first success an attempt goes on for its whole period, so a start is seen at once and thresholds count
    the seconds that the manifest names.
    """
    successes = failures = 0
    await asyncio.sleep(probe.initial_delay_seconds)
    began = asyncio.get_running_loop().time()
    while True:
        failure = await (ask() if successes else _eagerly(ask, probe.period_seconds, began))
        successes, failures = (successes + 1, 0) if failure is None else (0, failures + 1)
        yield ProbeResult(failure, successes >= probe.success_threshold, failures >= probe.failure_threshold)
        if successes:
            await asyncio.sleep(probe.period_seconds)


async def _eagerly(ask: Ask, period: float, began: float) -> str | None:
    loop = asyncio.get_running_loop()
    end = loop.time() + period
    while True:
        failure = await ask()
        if failure is None or loop.time() >= end:
            return failure
        await asyncio.sleep(min(max(EAGER, (loop.time() - began) / 50), period))


def question(probe: Probe, target: ProbeTarget) -> Ask:
    """Return the way to put a probe's question to a container."""

    async def ask() -> str | None:
        asking = asyncio.create_task(_ask(probe, target))
        try:
            for _ in range(SLICES):
                if (await asyncio.wait((asking,), timeout=probe.timeout_seconds / SLICES))[0]:
                    return await asking
        finally:
            await ended(asking)
        return f"timed out after {probe.timeout_seconds}s"

    return ask


async def _ask(probe: Probe, target: ProbeTarget) -> str | None:
    if probe.exec is not None:
        return await _ask_command(probe.exec, target)
    place = probe.http_get or probe.tcp_socket
    if place is None:
        return "the probe has no handler"
    port = target.local_port(place.port)
    if port is None:
        return f"no container of the pod has a port {place.port}"
    return await (_ask_http(probe.http_get, port) if probe.http_get else _ask_tcp(port))


async def _ask_command(command: Command, target: ProbeTarget) -> str | None:
    code, output = await target.run_command(command.command)
    return None if code == 0 else f"command exited {code}: {output.strip()}"


async def _ask_tcp(port: Place) -> str | None:
    try:
        _, writer = await connect(port)
    except OSError as error:
        return _refused(port, error)
    writer.close()
    return None


async def _ask_http(get: HttpGet, port: Place) -> str | None:
    url = f"http://{authority(port)}/{get.path.removeprefix('/')}"
    try:
        status = await http_status(get, port)
    except (OSError, EOFError, ValueError) as error:
        return f'Get "{url}": {_refused(port, error)}'
    return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"  # noqa: PLR2004


async def http_status(get: HttpGet, port: Place) -> int:
    """Send a GET to a place and return the answer's status. Raises OSError, EOFError, ValueError."""
    reader, writer = await connect(port)
    try:
        connection = h11.Connection(h11.CLIENT)
        writer.write(connection.send(_request(get, port)) or b"")
        return await _status(connection, reader)
    except h11.ProtocolError as error:
        raise ValueError(f"malformed HTTP: {error}") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _status(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    """Read the head of an answer. Raises EOFError, h11.ProtocolError."""
    while not isinstance(event := connection.next_event(), h11.Response):
        if event is h11.NEED_DATA:
            data = await reader.read(CHUNK)
            if not data:
                raise EOFError("EOF")
            connection.receive_data(data)
    return event.status_code


def _request(get: HttpGet, port: Place) -> h11.Request:
    headers = {"Host": authority(port), "User-Agent": "kube-probe/1.34", "Accept": "*/*", "Connection": "close"}
    names = {header.name.lower() for header in get.http_headers}
    defaults = [(name, value) for name, value in headers.items() if name.lower() not in names]
    own = [(header.name, header.value) for header in get.http_headers]
    target = quote(f"/{get.path.removeprefix('/')}", safe=_URL_SIGNS)
    return h11.Request(method="GET", target=target, headers=[*defaults, *own])


def _refused(port: Place, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return f"dial tcp {authority(port)}: connect: {os.strerror(error.errno).lower()}"
    return str(error) or type(error).__name__
