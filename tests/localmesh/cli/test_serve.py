import resource
from collections.abc import Iterator

import pytest

from localmesh.cli.serve import OPEN_FILES, allow_open_files


@pytest.fixture
def hard() -> Iterator[int]:
    """This process's hard limit on open files; its soft limit is set back after the test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_small_limit_on_open_files_is_raised_as_far_as_is_allowed(hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allow_open_files()
    allowed = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, hard)


def test_a_limit_on_open_files_that_is_large_enough_stays(hard: int) -> None:
    if hard != resource.RLIM_INFINITY and hard <= OPEN_FILES:
        pytest.skip(f"this process may not open more than {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES + 1, hard))
    allow_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (OPEN_FILES + 1, hard)
