"""What is said to a running pod: logs, exec, attach and port-forward."""

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from localmesh.apiserver.errors import bad_request, not_allowed
from localmesh.apiserver.http import execution, forwarding
from localmesh.apiserver.http.queries import is_on
from localmesh.apiserver.http.streaming import StreamedResponse
from localmesh.apiserver.read.ages import parse
from localmesh.apiserver.runtime import LogOptions, Runtime
from localmesh.apiserver.target import Target
from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.pods import default_container
from localmesh.kinds.resources import PODS
from localmesh.store.objects import Store

_EVER_S = 10**9
"""Seconds: longer ago than any line of a log."""


class PodConnections:
    """Answers requests about a pod's containers."""

    def __init__(self, store: Store, runtime: Runtime, stopping: asyncio.Event) -> None:
        self._store = store
        self._runtime = runtime
        self._stopping = stopping

    async def answer(self, target: Target, request: Request) -> ASGIApp:
        """Answer an ordinary request: a log, or what kubectl tries after a refused upgrade. Raises ApiError."""
        pod = self._store.get(PODS, target.key)
        container = _container(pod, request.query_params)
        if target.subresource != "log":
            raise bad_request(f"{target.subresource} is served over WebSocket only: kubectl 1.31 or newer is needed")
        if request.method != "GET":
            raise not_allowed()
        chunks = self._runtime.logs(target.key, container, _log_options(request.query_params))
        return StreamedResponse(chunks, "text/plain", self._stopping)

    async def connect(self, target: Target, websocket: WebSocket) -> None:
        """Serve a WebSocket. Raises ApiError before it is accepted."""
        pod = self._store.get(PODS, target.key)
        container = _container(pod, websocket.query_params)
        if target.subresource in ("exec", "attach"):
            kind = execution.execution if target.subresource == "exec" else execution.attachment
            start = kind(target.key, container, websocket.query_params)
            await execution.serve(websocket, self._runtime, start, self._stopping)
        elif target.subresource == "portforward":
            await forwarding.serve(websocket, self._runtime, target.key, self._stopping)
        else:
            raise not_allowed()


def _container(pod: Object, query: QueryParams) -> str:
    """Return the container that is meant. Raises ApiError when the pod has no such one."""
    names = [container["name"] for container in pod["spec"]["containers"]]
    name = query.get("container") or default_container(pod)
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {pod['metadata']['name']}: it has {', '.join(names)}")
    return name


def _log_options(query: QueryParams) -> LogOptions:
    try:
        return LogOptions(
            follow=is_on(query, "follow"),
            previous=is_on(query, "previous"),
            timestamps=is_on(query, "timestamps"),
            tail_lines=_number(query, "tailLines"),
            limit_bytes=_number(query, "limitBytes"),
            since=_since(query),
        )
    except (ValueError, OverflowError) as error:
        raise bad_request(f"a parameter of the log request cannot be read: {error}") from error


def _number(query: QueryParams, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise ValueError(f"{name}: {text!r} must be a number greater than or equal to 0")
    return int(text)


def _since(query: QueryParams) -> datetime | None:
    if "sinceTime" in query:
        return parse(query["sinceTime"]).astimezone(UTC)
    seconds = _number(query, "sinceSeconds")
    return None if seconds is None else datetime.now(UTC) - timedelta(seconds=min(seconds, _EVER_S))
