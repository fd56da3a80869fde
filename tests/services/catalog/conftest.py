from collections.abc import AsyncIterator

import httpx
import pytest

from services.catalog.app import create_app
from services.catalog.settings import Settings
from tests.services.asgi import client_of


@pytest.fixture
async def catalog() -> AsyncIterator[httpx.AsyncClient]:
    """A catalog of version 1 with repeatable faults."""
    async with client_of(create_app(Settings(fault_seed=1))) as client:
        yield client
