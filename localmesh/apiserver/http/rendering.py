"""Answers: objects, lists and tables in the form that a client asked for."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.read.columns import SCALE
from localmesh.apiserver.read.tables import table
from localmesh.apiserver.target import Target
from localmesh.core.objects import Object

_READABLE = ("application/json", "application/*", "*/*")


class Form(Struct, frozen=True):
    """How objects are to be answered."""

    tabular: bool = False
    include: str = "Metadata"
    """How much of the object each of a table's rows carries."""

    @classmethod
    def of(cls, request: Request) -> "Form":
        """Read what the client accepts. Raises ApiError when that is no JSON."""
        accepted = request.headers.get("accept", "")
        if accepted and not any(readable in accepted for readable in _READABLE):
            message = "only the following media types are accepted: application/json"
            raise ApiError(406, "NotAcceptable", message)
        return cls("as=Table" in accepted, request.query_params.get("includeObject", "Metadata"))

    def one(self, target: Target, obj: Object, *, headed: bool = True) -> Object:
        """Return one object, or a table with its row."""
        stamped = stamp(target, obj)
        if not self.tabular:
            return stamped
        resource = SCALE if stamped["kind"] == SCALE.kind else target.resource
        return table(resource, [stamped], obj["metadata"]["resourceVersion"], include=self.include, headed=headed)

    def many(self, target: Target, objects: Iterable[Object], revision: int) -> Object:
        """Return a list, or a table with its rows."""
        stamped = [stamp(target, obj) for obj in objects]
        if self.tabular:
            return table(target.resource, stamped, str(revision), include=self.include)
        return {
            "kind": f"{target.resource.kind}List",
            "apiVersion": target.api_version,
            "metadata": {"resourceVersion": str(revision)},
            "items": stamped,
        }


def stamp(target: Target, obj: Object) -> Object:
    """Return the object in the requested version; a Scale is of its own."""
    return obj if obj["kind"] == SCALE.kind else {**obj, "apiVersion": target.api_version}


def encode(document: Any) -> bytes:
    """Return a document as JSON."""
    return msgspec.json.encode(document)


def answer(document: Any, code: int = 200, warnings: Iterable[str] = ()) -> Response:
    """Return a response, with one header for each warning; kubectl prints them."""
    response = Response(encode(document), code, media_type="application/json")
    for text in warnings:
        quoted = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
        response.raw_headers.append((b"warning", f'299 - "{quoted}"'.encode()))
    return response
