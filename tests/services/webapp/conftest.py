from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from services.webapp.app import create_app
from services.webapp.settings import Settings
from tests.services.asgi import client_of

Answer = Callable[[httpx.Request], httpx.Response]
ITEM = {"id": 1, "color": "amber", "department": "Eyewear", "name": "Elinor Glasses", "price": "282.00"}


@pytest.fixture
def webapp() -> Callable[[Answer], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """Makes a webapp whose calls are answered by a function."""

    @asynccontextmanager
    async def start(answer: Answer) -> AsyncIterator[httpx.AsyncClient]:
        settings = Settings(catalog_service_host="catalog", forum_service_host="forum")
        async with client_of(create_app(settings, transport=httpx.MockTransport(answer))) as client:
            yield client

    return start
