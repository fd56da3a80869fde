"""Spans passed on to a collector outside of the mesh, as OTLP: services' as they came, proxies' translated."""

import asyncio
import http.client
import logging
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from localmesh.telemetry.spans import Span

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

logger = logging.getLogger(__name__)

WAITING = 500
MAX_BYTES = 32 * 1024 * 1024
"""Bodies that wait for a slow collector, and their bytes; beyond that the oldest are dropped."""

TIMEOUT_S = 10.0
PAUSE_S = 5.0
"""After a collector that did not answer."""

_KINDS = {"SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_ERROR = 2


class Forwarder(Struct):
    """Sends bodies one after the other, and holds nobody up."""

    url: str
    """`…/v1/traces`."""

    sent: int = 0
    """Bodies that the collector has taken."""

    dropped: int = 0
    trouble: str = ""
    """Why the last body was not taken; "" when it was."""

    _waiting: deque[bytes] = field(default_factory=deque)
    _bytes: int = 0
    """Of all that wait."""

    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, body: bytes) -> None:
        """Have an OTLP body sent."""
        self._waiting.append(body)
        self._bytes += len(body)
        while len(self._waiting) > WAITING or self._bytes > MAX_BYTES:
            self._bytes -= len(self._waiting.popleft())
            self.dropped += 1
        self._news.set()

    def document(self) -> dict[str, str | int]:
        """Return for JSON where spans go, and how that fares."""
        return {"url": self.url, "sent": self.sent, "dropped": self.dropped, "trouble": self.trouble}

    async def run(self) -> None:
        """Send for ever. A body that is refused is dropped; one that did not arrive is tried again after a pause."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                body = self._waiting[0]
                if not await self._sent(body):
                    await asyncio.sleep(PAUSE_S)
                elif self._waiting and self._waiting[0] is body:
                    self._bytes -= len(self._waiting.popleft())

    async def _sent(self, body: bytes) -> bool:
        try:
            await asyncio.to_thread(self._post, body)
        except urllib.error.HTTPError as error:
            error.close()
            self.dropped += 1
            self.trouble = f"it refuses spans: {error}"
            logger.warning("%s refuses spans: %s", self.url, error)
        except (OSError, http.client.HTTPException, ValueError) as error:  # the last one: no URL at all
            self.trouble = f"it does not answer: {error}"
            logger.warning("%s: %s; %d bodies of spans wait", self.url, error, len(self._waiting))
            return False
        else:
            self.sent += 1
            self.trouble = ""
        return True

    def _post(self, body: bytes) -> None:
        headers = {"content-type": "application/x-protobuf"}
        request = urllib.request.Request(self.url, body, headers, method="POST")  # noqa: S310 -- the user's own URL
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=TIMEOUT_S):
            pass


def to_otlp(spans: Iterable[Span]) -> bytes:
    """Return spans as an OTLP/HTTP body, a resource for each service."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 -- 0.1 s, if it is needed
        ExportTraceServiceRequest,
    )

    request = ExportTraceServiceRequest()
    by_service: dict[str, list[Span]] = {}
    for span in spans:
        by_service.setdefault(span.service, []).append(span)
    for service, own in by_service.items():
        group = request.resource_spans.add()
        _add(group.resource.attributes, {"service.name": service})
        scope = group.scope_spans.add()
        for span in own:
            made = scope.spans.add(
                trace_id=bytes.fromhex(span.trace_id),
                span_id=bytes.fromhex(span.id),
                parent_span_id=bytes.fromhex(span.parent_id),
                name=span.name,
                kind=_KINDS.get(span.kind, 1),
                start_time_unix_nano=span.start_us * 1000,
                end_time_unix_nano=(span.start_us + span.duration_us) * 1000,
            )
            _add(made.attributes, span.tags)
            if span.is_error:
                made.status.code = _ERROR
    return bytes(request.SerializeToString())


def _add(attributes: "list[KeyValue]", values: Mapping[str, str]) -> None:
    for name, value in values.items():
        attributes.add(key=name).value.string_value = value  # type: ignore[attr-defined] # protobuf's own list
