"""Which files begin first: one that takes long must not be the last that is waited for. And Ctrl-C is heard."""

import gc
import signal
from collections.abc import Iterator

import pytest

SLOW = (
    "tests/system/test_tutorial.py",
    "tests/localmesh/test_mesh.py",
    "tests/system/test_kubectl.py",
    "tests/localmesh/apiserver/http/test_kubectl.py",
    "tests/services/chassis/test_exporting.py",
    "tests/services/test_openapi.py",
)
"""The slowest first; `make test` takes whole files in this order (`--dist loadfile --no-loadscope-reorder`)."""


def pytest_configure() -> None:
    """Hear SIGINT, which whatever a script starts in the background ignores, with all that it starts in turn."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage neither while tests are collected nor, afterwards, among them: a fifth of it, in each worker."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files in front, and leave everything else as it is."""
    ranks = {path: rank for rank, path in enumerate(SLOW)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(SLOW)))
