import pytest
from starlette.datastructures import QueryParams

from localmesh.apiserver.http.queries import is_on


@pytest.mark.parametrize(
    ("query", "on"),
    [
        ("watch=true", True),
        ("watch=1", True),
        ("watch=True", True),  # Kubernetes' Python client
        ("watch", True),
        ("watch=false", False),
        ("watch=False", False),
        ("watch=0", False),
        ("", False),
    ],
)
def test_a_switch_is_read_as_an_api_server_reads_it(query: str, on: bool) -> None:
    assert is_on(QueryParams(query), "watch") is on
