"""JSON over HTTP, asked for from a coroutine."""

import asyncio
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

TIMEOUT_S = 5.0
"""For each read, and for the whole of an answer."""

MAX_ANSWER = 64 * 1024 * 1024

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_OPEN = urllib.request.build_opener()
"""Goes through HTTP_PROXY: that is how a pod finds Services by their names."""


class ClientError(Exception):
    """No answer, or none that could be used; the text says which."""


async def get_json(url: str, parameters: Mapping[str, str] | None = None, *, direct: bool = False) -> Any:
    """Return what a URL answers. With `direct` no proxy is asked. Raises ClientError."""
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    text = await asyncio.to_thread(_ask, urllib.request.Request(url + query), direct)  # noqa: S310 -- ours
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ClientError(f"{url} answers no JSON: {error}") from error


async def post_json(url: str, body: object) -> None:
    """Post JSON to a process of this machine. Raises ClientError when it is not taken."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 -- ours
    await asyncio.to_thread(_ask, request, True)


def _ask(request: urllib.request.Request, direct: bool) -> bytes:
    where = request.full_url.partition("?")[0]
    try:
        with (_DIRECT if direct else _OPEN).open(request, timeout=TIMEOUT_S) as answer:
            return _read(answer, where)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(500).decode(errors="replace").strip()
        raise ClientError(f"{where} answers {error.code}: {body}") from error
    except (OSError, http.client.HTTPException) as error:
        raise ClientError(f"{where}: {error}") from error


def _read(answer: http.client.HTTPResponse, where: str) -> bytes:
    """Return a whole answer; one that has no end is none. Raises ClientError, OSError and HTTPException."""
    deadline, pieces, size = time.monotonic() + TIMEOUT_S, [], 0
    while piece := answer.read1(1024 * 1024):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER or time.monotonic() > deadline:
            raise ClientError(f"{where} answers without an end")
    return b"".join(pieces)
