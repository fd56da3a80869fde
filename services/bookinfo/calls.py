"""How one service of Bookinfo calls another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import httpx
from fastapi import Depends, Request
from pydantic_core import from_json

from services.chassis.calls import Send, recorded
from services.chassis.forwarding import ForwardedHeaders, forwarded
from services.chassis.telemetry import Telemetry

_TRACE = (
    b"x-request-id",  # Envoy's own: access logs and sampling go by it
    b"traceparent",
    b"tracestate",
    b"baggage",
    b"b3",
    b"x-b3-traceid",
    b"x-b3-spanid",
    b"x-b3-parentspanid",
    b"x-b3-sampled",
    b"x-b3-flags",
    b"grpc-trace-bin",
    b"sw8",
    b"x-cloud-trace-context",
    b"x-datadog-trace-id",
    b"x-datadog-parent-id",
    b"x-datadog-sampling-priority",
    b"x-ot-span-context",
)
_USER = (b"user-agent", b"cookie", b"authorization", b"jwt")
GO_ON = frozenset((*_TRACE, *_USER))
"""The caller's headers that every service of Bookinfo sends on."""
END_USER = b"end-user"
"""The signed-in user's name: productpage sets it, the others send it on, and the mesh's rules match it."""
MAX_CONNECTIONS = 256
"""Calls in flight; the next one waits for its turn."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call."""

    status: int
    """HTTP status; 500 when there was no answer, or none to work with."""
    body: Any = None
    """The JSON of a 200."""
    problem: str = ""
    """Why there is no body."""

    @property
    def ok(self) -> bool:
        """Whether there is a body."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls other services; nothing is retried here."""

    http: httpx.AsyncClient
    """The process's client."""
    send: Send
    """How it sends what it has built."""

    async def get(self, url: str, headers: ForwardedHeaders, seconds: float) -> Answer:
        """The answer to one GET, which may take `seconds` in all."""
        try:
            async with asyncio.timeout(seconds):
                response = await self.send(self.http.build_request("GET", url, headers=headers))
        except (TimeoutError, httpx.TimeoutException):
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, problem=f"gave no answer within {seconds:g} s")
        except httpx.ConnectError:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, problem="cannot be reached")
        except httpx.HTTPError as error:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, problem=f"broke off: {str(error) or type(error).__name__}")
        return _read(response)


@asynccontextmanager
async def calling(telemetry: Telemetry, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Caller]:
    """A caller that opens a connection for each call, on purpose: each can land on another pod.

    Args:
        telemetry: Where the calls' spans go.
        transport: Answers the calls in a test. httpx looks at HTTP_PROXY only without one.
    """
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=None, limits=limits, transport=transport) as http:  # noqa: S113 - see `get`
        yield Caller(http, recorded(http.send, telemetry))


async def _callers_headers(request: Request) -> ForwardedHeaders:
    return forwarded(request.headers.raw, GO_ON.__contains__)


async def _callers_headers_and_user(request: Request) -> ForwardedHeaders:
    return forwarded(request.headers.raw, {*GO_ON, END_USER}.__contains__)


HeadersDep = Annotated[ForwardedHeaders, Depends(_callers_headers)]
"""The caller's headers that go on, without the user's name."""
HeadersAndUserDep = Annotated[ForwardedHeaders, Depends(_callers_headers_and_user)]
"""The caller's headers that go on, with the user's name."""


def _read(response: httpx.Response) -> Answer:
    if response.status_code != HTTPStatus.OK:
        return Answer(response.status_code, problem=f"answered {response.status_code}")
    try:
        return Answer(HTTPStatus.OK, from_json(response.content, allow_inf_nan=False))
    except ValueError:
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, problem="answered something that is no JSON")
