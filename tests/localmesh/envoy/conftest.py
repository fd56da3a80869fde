from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.localmesh.envoy.world import World, backends, world


@pytest.fixture
async def envoy(tmp_path: Path) -> AsyncIterator[World]:
    """A folder and ports for an Envoy that the test starts."""
    async with world(tmp_path) as made:
        yield made


@pytest.fixture
async def ports() -> AsyncIterator[dict[str, int]]:
    """Two backends that answer with their names."""
    async with backends("one", "two") as found:
        yield found
