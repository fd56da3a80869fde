"""What every page and receiver of telemetry is behind: only this machine asks, and only its own pages change anything.

A browser lets any web page send requests to loopback. A page whose name was made to point here (DNS rebinding) names
itself in `Host`; one that posts from elsewhere has another origin and does not know the token.
"""

import contextlib
import hmac
import secrets
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localmesh.telemetry.names import LOCAL_HOSTS, MESH_ID_HEADER, is_ours

MAX_BODY = 4 * 1024 * 1024
"""Bytes: some thousand spans."""

TOKEN_HEADER = "x-mesh-token"  # noqa: S105 -- the header's name
SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class HostGuard:
    """Wraps an app: refuses foreign hosts and long bodies, and marks answers as nobody else's."""

    def __init__(self, app: ASGIApp, max_body: int = MAX_BODY, mesh_id: str = "") -> None:
        self._app = app
        self._marks = {**SECURITY_HEADERS, **({MESH_ID_HEADER: mesh_id} if mesh_id else {})}
        self._max_body = max_body
        self._complaint = f"more than the {max_body} bytes that are taken at once\n"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not is_ours(headers.get("host", "")):
            text = (
                f"this page is for {', '.join(LOCAL_HOSTS)} alone, and was asked for as {headers.get('host', '')!r}\n"
            )
            await PlainTextResponse(text, HTTPStatus.MISDIRECTED_REQUEST)(scope, receive, send)
            return
        with contextlib.suppress(ClientDisconnect):  # whoever left with half a body is told nothing
            await self._limited(scope, receive, send, int(headers.get("content-length") or 0))

    async def _limited(self, scope: Scope, receive: Receive, send: Send, announced: int) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body:
                # Starlette makes the answer of it, wherever in the app the body was being read.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._complaint)
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(name.encode(), value.encode()) for name, value in self._marks.items()]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        if announced <= self._max_body:
            await self._app(scope, counted, marked)
            return
        headers = {"connection": "close"}
        answer = PlainTextResponse(self._complaint, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers)
        await answer(scope, receive, send)


class Tokens:
    """The secret that a page of this process knows and others do not."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)

    def complaint(self, request: Request) -> str:
        """Return why a request may not change anything, "" when it may."""
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers['host']}":
            return f"a page of {origin} may not change anything here"
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "only this page's own buttons change something"
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            return "the page's token is missing or old: load the page anew"
        return ""
