"""The door's web application: paths to handlers, errors to Status documents."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from localmesh.apiserver import errors, target
from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.http import api_discovery, openapi
from localmesh.apiserver.http.certificates import HOSTS
from localmesh.apiserver.http.connections import PodConnections
from localmesh.apiserver.http.objects import Objects, document
from localmesh.apiserver.http.rendering import answer
from localmesh.apiserver.http.reviews import REVIEWS, review
from localmesh.apiserver.read.selectors import SelectorError
from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.apiserver.write.patches import PatchError
from localmesh.core.objects import Object
from localmesh.kinds.admission import AdmissionError
from localmesh.store.objects import StoreError

_LOG = logging.getLogger(__name__)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_REFUSALS = (ApiError, StoreError, AdmissionError, PatchError, SelectorError, RuntimeRefusedError)


Page = Callable[[], Any]
"""Returns a document that is no object of the API: what istiod serves on its debug port."""


def create_app(objects: Objects, connections: PodConnections, pages: Mapping[str, Page]) -> ASGIApp:
    """Return the application that serves these handlers."""

    async def serve(request: Request) -> ASGIApp:
        call = target.parse(request.scope["path"])
        if call.subresource in target.streams_of(call.resource):
            return await connections.answer(call, request)
        return await objects.answer(call, request)

    async def connect(websocket: WebSocket) -> None:
        try:
            await connections.connect(target.parse(websocket.scope["path"]), websocket)
        except _REFUSALS as error:
            await websocket.send_denial_response(_refusal(error))

    routes = [
        *_discovery_routes(),
        Route("/debug/{page}", _debug(pages)),
        *(Route(path, _Handler(serve), methods=_METHODS) for path in ("/api/{path:path}", "/apis/{path:path}")),
        *(WebSocketRoute(path, connect) for path in ("/api/{path:path}", "/apis/{path:path}")),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(_REFUSALS, _on_refusal)
    handlers |= {HTTPException: _on_http_exception, RecursionError: _on_depth, Exception: _on_failure}
    return _HostCheck(Starlette(routes=routes, exception_handlers=handlers))


class _Handler:
    """Serves what a handler returns: Starlette's own routes want it to be a Response, and a stream is none."""

    def __init__(self, handler: Callable[[Request], Awaitable[ASGIApp]]) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)


class _HostCheck:
    """Refuses requests for other hosts' names: they come from a page that points its own name to loopback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
                message = f"this is the API of a local mesh: it answers to {' and '.join(HOSTS)} only"
                status = errors.failure(421, "MisdirectedRequest", message)
                return await _deny(scope, receive, send, answer(status, 421))
        return await self._app(scope, receive, send)


async def _deny(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


def _discovery_routes() -> list[Route]:
    return [
        *(Route(f"/apis/{group}/v1/{{plural}}", _review, methods=["POST"]) for group, _ in REVIEWS),
        Route("/version", _version),
        Route("/api", _discovery([""], api_discovery.api_versions())),
        Route("/apis", _discovery(api_discovery.groups(), api_discovery.api_groups())),
        Route("/api/{version}", _api_resources),
        Route("/apis/{group}", _api_group),
        Route("/apis/{group}/{version}", _api_resources),
        Route("/openapi/v2", _openapi_v2),
        Route("/openapi/v3", _openapi_index),
        Route("/openapi/v3/{path:path}", _openapi),
        *(Route(path, _healthy) for path in ("/healthz", "/livez", "/readyz")),
    ]


def _discovery(groups: list[str], legacy: Object) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that answers with these groups, in the form that the client accepts."""

    async def respond(request: Request) -> Response:
        if "APIGroupDiscoveryList" not in request.headers.get("accept", ""):
            return answer(legacy)
        response = answer(api_discovery.aggregated(groups))
        response.headers["content-type"] = api_discovery.AGGREGATED
        return response

    return respond


def _debug(pages: Mapping[str, Page]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        page = pages.get(request.path_params["page"])
        if page is None:
            raise errors.no_such_resource()
        return answer(page())

    return respond


async def _review(request: Request) -> Response:
    group, plural = request.url.path.split("/")[2], request.path_params["plural"]
    return answer(review(group, plural, await document(request)), 201)


async def _version(_: Request) -> Response:
    return answer(api_discovery.version())


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _api_group(request: Request) -> Response:
    group = request.path_params["group"]
    if group not in api_discovery.groups():
        raise errors.no_such_resource()
    return answer(api_discovery.api_group(group))


async def _api_resources(request: Request) -> Response:
    group, version = request.path_params.get("group", ""), request.path_params["version"]
    if version not in api_discovery.versions_of(group):
        raise errors.no_such_resource()
    return answer(api_discovery.api_resources(group, version))


async def _openapi_v2(_: Request) -> Response:
    return Response(openapi.V2, media_type=openapi.V2_TYPE)


async def _openapi_index(_: Request) -> Response:
    return answer(openapi.index())


async def _openapi(request: Request) -> Response:
    _, _, group_version = request.path_params["path"].partition("/")
    group, _, version = group_version.rpartition("/")
    if version not in api_discovery.versions_of(group):
        raise errors.no_such_resource()
    response = answer(openapi.document(group, version))
    # The address has the hash of the content in it, so kubectl may keep it for ever.
    response.headers["cache-control"] = "public, max-age=31536000"
    return response


def _refusal(error: Exception) -> Response:
    api_error = _api_error(error)
    return answer(api_error.to_status(), api_error.code)


def _api_error(error: Exception) -> ApiError:
    match error:
        case ApiError():
            return error
        case StoreError():
            return errors.from_store(error)
        case AdmissionError():
            return errors.from_admission(error)
        case RuntimeRefusedError():
            return errors.from_runtime(error)
        case PatchError():
            return ApiError(422, "Invalid", str(error))
    return errors.bad_request(str(error))


async def _on_refusal(_: Request, error: Exception) -> Response:
    return _refusal(error)


async def _on_depth(_: Request, __: Exception) -> Response:
    return _refusal(errors.bad_request("the document is nested too deeply to be read"))


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- Starlette calls it for nothing else
    return _refusal(errors.not_allowed() if error.status_code == 405 else errors.no_such_resource())  # noqa: PLR2004


async def _on_failure(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = f"Internal error occurred: {type(error).__name__}: {error}: this is a fault of the local mesh"
    return answer(errors.failure(500, "InternalError", message), 500)
