"""Whoever is asked may answer anything, and whoever asks may go."""

import http.client
import socket
import struct
import threading
from functools import partial
from typing import Any

import pytest

from localmesh.envoy.matching import fits
from localmesh.telemetry import boards, client, history
from localmesh.telemetry.client import ClientError
from localmesh.telemetry.exposition import samples
from localmesh.telemetry.history import History
from localmesh.telemetry.scraping import Page, ScrapeError
from tests.bin.server import serving
from tests.localmesh.telemetry.servers import series


class Endless:
    """An answer that always has more."""

    def read1(self, most: int) -> bytes:
        return b"x" * min(most, 1000)


def test_an_answer_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER", 10_000)
    answer: Any = Endless()
    with pytest.raises(ClientError, match="http://x answers without an end"):
        client._read(answer, "http://x")


async def test_json_that_is_nested_too_deep_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ask", lambda *_: b"[" * 100_000)
    with pytest.raises(ClientError, match="answers no JSON"):
        await client.get_json("http://x")


async def test_a_page_that_does_not_speak_http_is_left_out() -> None:
    with serving() as server:
        for path in ("/rubbish", "/short"):
            with pytest.raises(ScrapeError):
                await Page(server.url(path)).everything()


def test_a_visitor_who_breaks_off_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with boards._Server(("127.0.0.1", 0), partial(boards._Handler, "http://there/")) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        with socket.create_connection(("127.0.0.1", server.server_port)) as gone:
            gone.sendall(b"GET / HT")
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stays = http.client.HTTPConnection("127.0.0.1", server.server_port)
        stays.request("GET", "/")
        assert stays.getresponse().getheader("location") == "http://there/"
        stays.close()
        server.shutdown()
    assert "Traceback" not in capfd.readouterr().err


def test_regular_expressions_are_envoys_own() -> None:
    assert fits({"safe_regex": {"regex": r"\pL+\z"}}, "bär")
    assert not fits({"safe_regex": {"regex": "(a+)+b"}}, "a" * 5000)


def test_where_no_more_series_are_kept_those_that_are_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_SERIES", 1)
    kept = History()
    for pod in ("one", "other"):
        kept.take(pod, samples(series("istio_requests_total", 3)))
    kept.take("third", samples(series("istio_requests_total", 3, to="elsewhere")))
    assert [one.total for one in kept._all()] == [6.0]
