import asyncio
import json
from pathlib import Path
from typing import Any

from localmesh.telemetry import page
from localmesh.telemetry.eyes import Eyes
from localmesh.telemetry.host_guard import TOKEN_HEADER
from localmesh.telemetry.kube import PODS, Watched
from localmesh.telemetry.page import Links, create_app
from localmesh.telemetry.scraping import ADDRESSES, Envoy
from tests.localmesh.telemetry.asking import asking
from tests.localmesh.telemetry.servers import envoy, targets
from tests.localmesh.telemetry.test_rules import dump

LINKS = Links("http://127.0.0.1:30004/", "http://127.0.0.1:30001/", "http://127.0.0.1:30000/")


def eyes(folder: Path) -> Eyes:
    """Eyes that have seen the pods whose Envoys are in a folder, and cannot see any further."""
    pods = Watched(folder / "kubeconfig", PODS)
    pods.objects = {envoy.pod: pod_of(envoy) for envoy in targets(folder).envoys()}
    return Eyes("http://127.0.0.1:1", pods)


def pod_of(envoy: Envoy) -> dict[str, Any]:
    annotations = {ADDRESSES: json.dumps({"admin": str(envoy.place), "app": {}})}
    metadata = {"namespace": envoy.namespace, "name": envoy.pod, "annotations": annotations}
    return {"metadata": metadata, "spec": {"containers": []}, "status": {"phase": "Running"}}


async def test_a_picture_shows_what_is_there_and_says_what_is_missing(tmp_path: Path) -> None:
    with envoy(tmp_path, "shop", "webapp", dump):
        async with asking(create_app(eyes(tmp_path), LINKS)) as client:
            picture = (await client.get("/api/picture?window=15")).json()
    assert picture["window_s"] == 15
    assert picture["nodes"] == picture["faults"] == []
    assert [rule["total"] for rule in picture["rules"]] == [0, 0, 0]
    assert len(picture["troubles"]) == 5
    missing = "\n".join(picture["missing"])
    assert "metrics: http://127.0.0.1:1/api/v1/query: " in missing
    assert "metrics: http://127.0.0.1:1/api/v1/query_range: " in missing
    assert "the control plane: /debug/findings: " in missing


async def test_an_odd_window_is_the_usual_one(tmp_path: Path) -> None:
    async with asking(create_app(eyes(tmp_path), LINKS)) as client:
        for window in ("", "61", "-1", "٦٠", "x", "6" * 5000):
            assert (await client.get(f"/api/picture?window={window}")).json()["window_s"] == 60


async def test_faults_are_ordered_with_the_pages_token_only(tmp_path: Path) -> None:
    async with asking(create_app(eyes(tmp_path), LINKS)) as client:
        text = (await client.get("/")).text
        assert LINKS.traces in text
        token = text.partition('name="mesh-token" content="')[2].partition('"')[0]
        order = {"type": "500", "active": True}
        assert (await client.post("/api/faults", json=order)).status_code == 403
        headers = {TOKEN_HEADER: token}
        answer = await client.post("/api/faults", json=order, headers=headers)
        assert (answer.status_code, "catalog does not run" in answer.json()["error"]) == (502, True)
        for wrong in (b"", b"{", b"[]", b'{"type": "200"}', b"\xff", b"[" * 9999):
            assert (await client.post("/api/faults", content=wrong, headers=headers)).status_code == 400


async def test_the_stream_goes_on_after_a_picture_that_fails_and_ends_with_its_reader() -> None:
    class Failing:
        def __init__(self) -> None:
            self.asked = 0

        async def picture(self, window_s: int) -> dict[str, Any]:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("no eyes")
            return {"window_s": window_s}

    streams: set[object] = set()
    stream = page._stream(Failing(), 15, 0, streams)  # type: ignore[arg-type]
    assert await anext(stream) == 'event: trouble\ndata: "no eyes"\n\n'
    assert json.loads((await anext(stream)).removeprefix("data: ")) == {"window_s": 15}
    assert len(streams) == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert not streams


async def test_more_pages_than_can_be_served_are_told_so(tmp_path: Path) -> None:
    streams: set[object] = set()
    generators = [page._stream(eyes(tmp_path), 15, 60, streams) for _ in range(page.MAX_STREAMS)]
    await asyncio.gather(*map(anext, generators))
    assert len(streams) == page.MAX_STREAMS
    for each in generators:
        await each.aclose()  # type: ignore[attr-defined]
