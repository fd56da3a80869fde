from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from services.bookinfo.productpage.app import create_app
from services.bookinfo.productpage.settings import Settings
from tests.services.asgi import client_of
from tests.services.bookinfo.backends import Answer, answering

Productpage = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def productpage() -> Productpage:
    """Makes a productpage whose calls are answered by a function."""

    @asynccontextmanager
    async def start(answer: Answer | None = None, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.MockTransport(answer or answering())
        async with client_of(create_app(Settings(**settings), transport=transport)) as client:
            yield client

    return start
