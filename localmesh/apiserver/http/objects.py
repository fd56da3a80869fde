"""The verbs: get, list, watch, create, update, patch, delete, deletecollection."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast, get_args

import msgspec
from msgspec.structs import replace
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp

from localmesh.apiserver.absent import ABSENT, not_done
from localmesh.apiserver.errors import ApiError, bad_request, not_allowed, success, unsupported_media_type
from localmesh.apiserver.http.queries import is_on
from localmesh.apiserver.http.rendering import Form, answer
from localmesh.apiserver.http.streaming import StreamedResponse
from localmesh.apiserver.http.watching import Watch, watch
from localmesh.apiserver.read.selectors import Selector
from localmesh.apiserver.target import Target
from localmesh.apiserver.wire import protobuf
from localmesh.apiserver.write.registry import DeleteOptions, Registry, WriteOptions
from localmesh.apiserver.write.scale import scale_of
from localmesh.core.objects import Object
from localmesh.kinds.admission import FieldValidation
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.schema.definitions import Schema
from localmesh.store.objects import Store

_PROTOBUF = "application/vnd.kubernetes.protobuf"
_LARGEST_BODY = 3 * 1024 * 1024
"""Bytes; the limit of a real server."""


Handler = Callable[[Target, Request], Awaitable[ASGIApp]]


class Objects:
    """Answers requests about objects."""

    def __init__(self, store: Store, registry: Registry, stopping: asyncio.Event) -> None:
        self._store = store
        self._registry = registry
        self._stopping = stopping

    async def answer(self, target: Target, request: Request) -> ASGIApp:
        """Return the answer to a request. Raises ApiError and what the registry raises."""
        if target.resource in ABSENT and request.method != "GET":
            raise not_done(target.resource)
        handle = (self._verbs_of_one(target) if target.name else self._verbs_of_all(target)).get(request.method)
        if handle is None:
            raise not_allowed()
        return await handle(target, request)

    def _verbs_of_one(self, target: Target) -> Mapping[str, Handler]:
        verbs = {"GET": self._get, "PUT": self._update, "PATCH": self._patch}
        return verbs if target.subresource else verbs | {"DELETE": self._delete}

    def _verbs_of_all(self, target: Target) -> Mapping[str, Handler]:
        is_nowhere = target.resource.namespaced and not target.namespace
        if is_nowhere:
            return {"GET": self._list}
        verbs = {"GET": self._list, "POST": self._create}
        return verbs | {"DELETE": self._delete_selected} if target.resource.namespaced else verbs

    async def _get(self, target: Target, request: Request) -> ASGIApp:
        obj = self._store.get(target.resource, target.key)
        return answer(Form.of(request).one(target, scale_of(obj) if target.subresource == "scale" else obj))

    async def _list(self, target: Target, request: Request) -> ASGIApp:
        form, query = Form.of(request), request.query_params
        selector = _selector(target, query)
        if is_on(query, "watch"):
            lines = watch(self._store, Watch.of(target, selector, form, query))
            return StreamedResponse(lines, "application/json", self._stopping)
        if query.get("continue"):
            raise ApiError(410, "Expired", "the continue parameter is of another server: here a list is always whole")
        return answer(form.many(target, self._selected(target, selector), self._store.revision))

    def _selected(self, target: Target, selector: Selector) -> list[Object]:
        return list(filter(selector.matches, self._store.objects(target.resource, target.namespace)))

    async def _create(self, target: Target, request: Request) -> ASGIApp:
        written = self._registry.create(target, await document(request), _write_options(request))
        return answer(Form.of(request).one(target, written.object), 201, written.warnings)

    async def _update(self, target: Target, request: Request) -> ASGIApp:
        written = self._registry.update(target, await document(request), _write_options(request))
        return answer(Form.of(request).one(target, written.object), 200, written.warnings)

    async def _patch(self, target: Target, request: Request) -> ASGIApp:
        patch = await document(request)
        written = self._registry.patch(target, patch, _media_type(request), _write_options(request))
        return answer(Form.of(request).one(target, written.object), 200, written.warnings)

    async def _delete(self, target: Target, request: Request) -> ASGIApp:
        deleted = self._registry.delete(target, await _delete_options(request))
        if is_terminating(deleted):
            return answer(Form.of(request).one(target, deleted))
        return answer(success(target.resource, deleted))

    async def _delete_selected(self, target: Target, request: Request) -> ASGIApp:
        """Delete what a namespace has of a resource, or what a selector takes of it (`deletecollection`)."""
        options = await _delete_options(request)
        selected = self._selected(target, _selector(target, request.query_params))
        for obj in selected:
            self._registry.delete(replace(target, name=obj["metadata"]["name"]), options)
        return answer(Form.of(request).many(target, selected, self._store.revision))


def _selector(target: Target, query: QueryParams) -> Selector:
    schema = Schema() if target.resource in ABSENT else Schema.of(target.resource)
    return Selector.parse(query.get("labelSelector", ""), query.get("fieldSelector", ""), schema)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "application/json").partition(";")[0].strip()


async def document(request: Request) -> Any:
    """Read a body of any format that kubectl sends. Raises ApiError."""
    return _read(await _body(request), _media_type(request))


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_BODY:
                raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_LARGEST_BODY}")
    except ClientDisconnect as error:
        raise bad_request("the client went away in the middle of its request") from error
    return bytes(body)


def _read(body: bytes, media_type: str) -> Any:
    try:
        if media_type == _PROTOBUF:
            return protobuf.decode(body)
        return _parsed(body)
    except protobuf.ProtobufError as error:
        raise unsupported_media_type(str(error)) from error
    except ValueError as error:
        raise bad_request(f"the body of the request cannot be read as {media_type}: {error}") from error


def _parsed(body: bytes) -> Any:
    """Read JSON; as in Go, half a surrogate pair is no character and is replaced."""
    if b"\\ud" in body.lower():
        body = json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
    # Unlike the standard library it takes neither NaN nor 1e400: who lists what has one could not read it.
    return msgspec.json.decode(body)


def _write_options(request: Request) -> WriteOptions:
    query = request.query_params
    validation = query.get("fieldValidation") or "Warn"
    if validation not in get_args(FieldValidation):
        raise bad_request(f'fieldValidation: Unsupported value: "{validation}": use Strict, Warn or Ignore')
    return WriteOptions(
        dry_run=_dry_run(query.getlist("dryRun")),
        field_validation=cast("FieldValidation", validation),
    )


async def _delete_options(request: Request) -> DeleteOptions:
    """Read the body of a deletion; the query may say the same."""
    sent = await _body(request)
    body = _read(sent, _media_type(request)) if sent else {}
    if not isinstance(body, dict) or not isinstance(body.get("preconditions") or {}, dict):
        raise bad_request("the body of a deletion is a DeleteOptions object")
    query = request.query_params
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        grace=_seconds(body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))),
        uid=preconditions.get("uid"),
        revision=preconditions.get("resourceVersion"),
        propagation=body.get("propagationPolicy") or query.get("propagationPolicy") or "Background",
        dry_run=_dry_run(body.get("dryRun") or query.getlist("dryRun")),
    )


def _dry_run(values: list[str]) -> bool:
    if values not in ([], ["All"]):
        raise bad_request(f"dryRun: Unsupported value: {json.dumps(values)}: the only value is All")
    return bool(values)


def _seconds(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise bad_request(
            f"gracePeriodSeconds: Invalid value: {json.dumps(value)}: must be a number of seconds"
        ) from error
