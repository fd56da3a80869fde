"""The other core of a bench: the load, a catalog that costs next to nothing, and a collector, on one event loop.

All of it reads and writes bytes without parsing more than it must, so that one core of it keeps one core of what is
measured busy. `bench.services` prints what it cost beside what it measured.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.process import BenchError

ITEMS = (
    b'[{"id":1,"color":"amber","department":"Eyewear","name":"Elinor Glasses","price":"282.00"},'
    b'{"id":2,"color":"cyan","department":"Clothing","name":"Atlas Shirt","price":"127.00"},'
    b'{"id":3,"color":"teal","department":"Clothing","name":"Small Metal Shoes","price":"232.00"},'
    b'{"id":4,"color":"red","department":"Watches","name":"Red Dragon Watch","price":"232.00"}]'
)
"""What catalog answers; an answer without its first item's name is a bad one."""
PATIENCE_SECONDS = 30.0
"""How long nothing may come of a burst before it is given up."""
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(slots=True)
class Tally:
    """What came of a burst of requests."""

    good: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    """How many answers were not what they should be, by what they were."""
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """All requests that were answered somehow."""
        return self.good + self.bad.total()


def length_of(message: bytes) -> tuple[int, int] | None:
    """Where a message's body begins and ends, or None while its head is not there; no length means no body."""
    head = message.find(_HEAD_END)
    if head < 0:
        return None
    lower = message[:head].lower()
    at = lower.find(_LENGTH)
    length = int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return head + 4, head + 4 + length


class Connection(asyncio.Protocol):
    """One of the load's connections: asks, reads the answer, asks again while `burst` wants it to."""

    def __init__(self, burst: "Burst") -> None:
        self._burst = burst
        self._read = b""
        self._asked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        ends = length_of(self._read)
        if ends is None or len(self._read) < ends[1]:
            return
        self._asked = False
        self._burst.note(self._read)
        self._read = b""
        self._ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._asked:
            self._burst.tally.bad["closed without an answer"] += 1
        self._burst.lost()

    def _ask(self) -> None:
        if self._burst.take():
            self._asked = True
            self._transport.write(self._burst.request)
        else:
            self._transport.close()


class Burst:
    """Requests to one address over so many connections, until time or number is up."""

    def __init__(self, port: int, request: bytes, connections: int) -> None:
        self.request = request
        self.tally = Tally()
        self._port = port
        self._connections = connections
        self._left = 0
        self._end = 0.0
        self._open = 0
        self._over = asyncio.Event()

    async def run(self, seconds: float, limit: int) -> Tally:
        """The tally, when no connection is left."""
        began = time.perf_counter()
        self._left, self._end = limit, began + seconds
        await asyncio.gather(*(self._connect() for _ in range(self._connections)))
        await self._is_over()
        self.tally.seconds = time.perf_counter() - began
        return self.tally

    async def _is_over(self) -> None:
        """Waits as long as answers come: a service that hangs, or a fault in here, must not hold the bench for ever."""
        heard = -1
        while not self._over.is_set():
            if heard == self.tally.total:
                raise BenchError(f"nothing has come from port {self._port} for {PATIENCE_SECONDS:g} s")
            heard = self.tally.total
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), PATIENCE_SECONDS)

    async def _connect(self) -> None:
        self._open += 1
        try:
            await asyncio.get_running_loop().create_connection(lambda: Connection(self), "127.0.0.1", self._port)
        except OSError as error:
            self.tally.bad[f"no connection: {error.strerror}"] += 1
            self.lost()

    def take(self) -> bool:
        """Whether one more request is wanted."""
        self._left -= 1
        return self._left >= 0 and time.perf_counter() < self._end

    def note(self, answer: bytes) -> None:
        """Counts an answer; the first item's name shows that it is catalog's."""
        if answer.startswith(b"HTTP/1.1 200") and b"Elinor" in answer:
            self.tally.good += 1
        else:
            self.tally.bad[answer[9:12].decode("latin-1")] += 1

    def lost(self) -> None:
        """A connection is gone; it is replaced while requests are left, or the burst would go on with fewer."""
        self._open -= 1
        if self._left > 0 and time.perf_counter() < self._end:
            self._reconnecting = asyncio.ensure_future(self._connect())
        elif self._open == 0:
            self._over.set()


def request(path: str, host: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """A GET, as a sidecar sends it on."""
    lines = [f"GET {path} HTTP/1.1", f"host: {host}", "user-agent: bench", "accept: */*"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode()


class Answers(asyncio.Protocol):
    """A server's connection that answers every request without a body alike."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        asked = self._read.count(_HEAD_END)
        if asked:
            self._read = self._read[self._read.rfind(_HEAD_END) + 4 :]
            self._transport.write(self._answer * asked)


@dataclass(slots=True)
class Collected:
    """What an OTLP collector was sent."""

    spans: int = 0
    points: int = 0
    """Metric data points: a histogram with its attributes is one."""
    resources: list[dict[str, str]] = field(default_factory=list)
    """Every resource that came with spans or metrics, once each."""


class Collector(asyncio.Protocol):
    """One connection to an OTLP/HTTP collector that counts what it takes and keeps nothing."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (ends := length_of(self._read)) and len(self._read) >= ends[1]:
            self._take(self._read.split(b" ", 2)[1], self._read[ends[0] : ends[1]])
            self._read = self._read[ends[1] :]
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
            )

    def _take(self, path: bytes, body: bytes) -> None:
        if path == b"/v1/traces":
            sent = ExportTraceServiceRequest.FromString(body)
            self._collected.spans += sum(len(s.spans) for r in sent.resource_spans for s in r.scope_spans)
            resources = [r.resource for r in sent.resource_spans]
        else:
            metrics = ExportMetricsServiceRequest.FromString(body)
            kinds = [m for r in metrics.resource_metrics for s in r.scope_metrics for m in s.metrics]
            self._collected.points += sum(len(getattr(m, m.WhichOneof("data")).data_points) for m in kinds)
            resources = [r.resource for r in metrics.resource_metrics]
        for resource in resources:
            attributes = {pair.key: pair.value.string_value for pair in resource.attributes}
            if attributes not in self._collected.resources:
                self._collected.resources.append(attributes)


@asynccontextmanager
async def catalog_of_bytes() -> AsyncIterator[int]:
    """A catalog that answers without a thought, and its port."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ITEMS)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(head + ITEMS), "127.0.0.1", 0, backlog=1024)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def collector(collected: Collected) -> AsyncIterator[str]:
    """An OTLP/HTTP collector that counts into `collected`, and its base URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Collector(collected), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
