"""One HTTP call to another service, and what may come of it."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple, TypeVar, cast

import httpx
from pydantic import TypeAdapter, ValidationError

from services.chassis import problems
from services.chassis.calls import Send
from services.chassis.forwarding import ForwardedHeaders
from services.chassis.identity import RELEASE, note_hops

T = TypeVar("T")

_AGENT = (b"user-agent", f"webapp/{RELEASE}".encode())
_parsed = lru_cache(httpx.URL)
"""A URL, of which httpx need not read each part anew for each call."""


class Answer(NamedTuple):
    """An answer, all of it."""

    status_code: int
    headers: httpx.Headers
    content: bytes
    """Its body."""


class UpstreamError(Exception):
    """A call gave nothing to work with."""

    def __init__(self, service: str, what: str) -> None:
        super().__init__(what)
        self.service = service
        """Name of the service that was called."""


class UpstreamAbsentError(UpstreamError):
    """There is no such service: its name is unknown, or nobody listens at its address."""


class UpstreamFailedError(UpstreamError):
    """The service is there and failed: an error status, a timeout, a lost connection, or rubbish."""


class UpstreamBusyError(UpstreamError):
    """The call was not made: it is this process that has too much to do."""


class UpstreamRefusedError(UpstreamError):
    """The service says that the request is at fault; its answer is the caller's answer too."""

    def __init__(self, service: str, answer: Answer) -> None:
        super().__init__(service, f"{service} answered {answer.status_code}")
        self.answer = answer
        """The service's answer, a problem document."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service that is called by HTTP. Nothing is retried here: that is the mesh's part."""

    send: Send
    """A transport's. A client around it would only look for cookies and redirects, at a third of the cost."""
    name: str
    """What error messages call the service."""
    base_url: str
    """Scheme, host and port."""
    timeout: httpx.Timeout
    """How long a connection, a turn in the pool, and silence may take."""
    seconds: float
    """How long a call may take in all."""

    async def call(self, method: str, path: str, headers: ForwardedHeaders, *, content: bytes | None = None) -> Answer:
        """The service's answer, with a status below 300.

        Raises:
            UpstreamBusyError: all calls that may be in flight are, or all files open.
            UpstreamAbsentError: there is no such service.
            UpstreamFailedError: it failed.
            UpstreamRefusedError: it refused the request.
        """
        try:
            async with asyncio.timeout(self.seconds):
                answer = await _whole(await self.send(self._request(method, path, headers, content)))
        except httpx.PoolTimeout as error:
            raise UpstreamBusyError(self.name, f"webapp can't call {self.name} now: {error}") from error
        except httpx.ConnectError as error:
            raise self._absent() from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise self._failed(method, path, f"gave no whole answer in time ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise self._failed(method, path, f"broke off: {str(error) or type(error).__name__}") from error
        note_hops(answer.headers)
        return self._checked(method, path, answer)

    def _request(self, method: str, path: str, headers: ForwardedHeaders, content: bytes | None) -> httpx.Request:
        url = _parsed(self.base_url + path)
        lines = [(b"host", url.netloc), *headers, _AGENT]
        if content is not None:
            lines.append((b"content-length", b"%d" % len(content)))
        # As a stream: httpx looks up and copies the headers of any other body to complete them, at 8 µs a request.
        body, limits = httpx.ByteStream(content or b""), {"timeout": self.timeout.as_dict()}
        return httpx.Request(method, url, headers=lines, stream=body, extensions=limits)

    async def fetch(
        self, kind: TypeAdapter[T], method: str, path: str, headers: ForwardedHeaders, *, content: bytes | None = None
    ) -> T:
        """The service's answer, read as JSON of a `kind`.

        Raises:
            UpstreamError: as `call` raises; an answer of another kind is a failure.
        """
        answer = await self.call(method, path, headers, content=content)
        try:
            return kind.validate_json(answer.content)
        except ValidationError as error:
            raise self._failed(method, path, "answered something unexpected") from error

    def _checked(self, method: str, path: str, answer: Answer) -> Answer:
        if answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        if _proxy_knows_no_such_host(answer):
            raise self._absent()
        is_problem = answer.headers.get("content-type") == problems.MEDIA_TYPE
        if is_problem and answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UpstreamRefusedError(self.name, answer)
        raise self._failed(method, path, f"answered {answer.status_code}")

    def _absent(self) -> UpstreamAbsentError:
        return UpstreamAbsentError(self.name, f"{self.name} cannot be reached at {self.base_url}; is it deployed?")

    def _failed(self, method: str, path: str, what: str) -> UpstreamFailedError:
        return UpstreamFailedError(self.name, f"{method} {path}: {self.name} {what}")


async def _whole(response: httpx.Response) -> Answer:
    """The answer as it came. To read it, httpx would first look for an encoding, for which nobody asked: 10 µs."""
    pieces = cast("httpx.AsyncByteStream", response.stream)
    return Answer(response.status_code, response.headers, b"".join([piece async for piece in pieces]))


def _proxy_knows_no_such_host(answer: Answer) -> bool:
    """Whether a proxy on the way says what elsewhere a resolver says: nobody is called that.

    A proxy says so by 502 and the header Proxy-Status (RFC 9209). Istio's sidecar, where it lets out nothing but what
    it knows (REGISTRY_ONLY), by an empty 502 without the header that marks what a host did answer.
    """
    if answer.status_code != HTTPStatus.BAD_GATEWAY:
        return False
    by_envoy = answer.headers.get("server") == "envoy" and "x-envoy-upstream-service-time" not in answer.headers
    return "error=dns_error" in answer.headers.get("proxy-status", "") or (by_envoy and not answer.content)
