"""Which files begin first: one that takes long must not be the last that is waited for."""

import pytest

SLOW = (
    "tests/system/test_tutorial.py",
    "tests/localmesh/test_mesh.py",
    "tests/system/test_kubectl.py",
    "tests/localmesh/apiserver/http/test_kubectl.py",
    "tests/services/chassis/test_exporting.py",
    "tests/localmesh/test_discovery.py",
)
"""The slowest first; `make test` takes whole files in this order (`--dist loadfile --no-loadscope-reorder`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files in front, and leave everything else as it is."""
    ranks = {path: rank for rank, path in enumerate(SLOW)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(SLOW)))
