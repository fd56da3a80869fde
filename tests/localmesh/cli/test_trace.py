from typing import Any

import pytest

from localmesh.cli import trace
from localmesh.core.errors import MeshError
from localmesh.envoy.matching import Request

OUTSIDE = {"outside": {"url": "http://127.0.0.1:4318/v1/traces"}, "traces": []}


def test_where_spans_go_outside_no_trace_is_looked_for_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_ask", lambda _: OUTSIDE)
    with pytest.raises(MeshError, match=r"spans go to http://127.0.0.1:4318/v1/traces, .* none are kept here"):
        trace._check_kept("http://127.0.0.1:1/api/traces")


def test_without_a_collector_outside_traces_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(url: str) -> Any:
        asked.append(url)
        return {"outside": None, "traces": []}

    monkeypatch.setattr(trace, "_ask", ask)
    trace._check_kept("http://127.0.0.1:1/api/traces")
    assert asked == ["http://127.0.0.1:1/api/traces?limit=1"]


def test_headers_of_one_name_go_as_one() -> None:
    assert trace.headers_of(["X: 1", "x:2", "y: 3"]) == {"x": "1, 2", "y": "3"}


@pytest.mark.parametrize("target", ["/a b", "/\u00fc"])
def test_what_http_cannot_say_is_one_clear_line(target: str) -> None:
    with pytest.raises(MeshError, match=r"http://127\.0\.0\.1:1/"):
        trace._of_request("http://127.0.0.1:1/api/traces", Request("127.0.0.1:1", target), None)
