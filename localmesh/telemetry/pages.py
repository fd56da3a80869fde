"""The files of the pages: no build step, nothing from elsewhere."""

import html
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

STATIC = Path(__file__).with_name("static")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def page(name: str, **words: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a page; each of the words in it becomes what it stands for here."""
    text = (STATIC / name).read_text(encoding="utf-8")
    for word, meaning in words.items():
        text = text.replace(word, html.escape(meaning))

    async def endpoint(_: Request) -> Response:
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    return endpoint


async def static(request: Request) -> Response:
    """Answer with one of the files that pages name."""
    path = STATIC / Path(request.path_params["name"]).name
    if path.suffix not in TYPES or not path.is_file():
        return PlainTextResponse("there is no such file\n", HTTPStatus.NOT_FOUND)
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers={"cache-control": "no-cache"})


async def healthy(_: Request) -> Response:
    """Tell whoever asks that this process answers."""
    return PlainTextResponse("ok\n")
