import time
from contextlib import ExitStack
from pathlib import Path

from localmesh.telemetry.expressions import BY_PROMQL, RULE_TOTALS, questions
from localmesh.telemetry.metrics import Metrics, create_app
from localmesh.telemetry.scraping import COUNTED
from tests.localmesh.telemetry.asking import asking
from tests.localmesh.telemetry.servers import envoy, series, targets

CALLS = questions(60).calls.promql()


async def test_all_proxies_are_on_one_page_told_apart_by_pod(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(path: str) -> str:
        asked.append(path)
        return series("istio_requests_total", 1)

    with envoy(tmp_path, "shop", "a", answer), envoy(tmp_path, "shop", "b", answer):
        async with asking(create_app(Metrics(targets(tmp_path)))) as client:
            page = await client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = page.text.splitlines()
    assert [line[line.index(",namespace") :] for line in lines] == [
        f',namespace="shop",pod="{pod}"}} 1' for pod in ("a", "b")
    ]
    assert asked == ["/stats/prometheus"] * 2


async def test_questions_are_answered_as_prometheus_answers_them(tmp_path: Path) -> None:
    counted = {"200": 0, "503": 0}
    metrics, now = Metrics(targets(tmp_path)), time.time()

    def answer(path: str) -> str:
        assert path == COUNTED
        return "".join(series("istio_requests_total", count, code=code) for code, count in counted.items())

    with envoy(tmp_path, "shop", "webapp-1", answer):
        for _ in range(11):
            await metrics.look(now)
            counted = {"200": counted["200"] + 18, "503": counted["503"] + 2}
            now += 2
    async with asking(create_app(metrics)) as client:
        at = str(now)
        found = (await client.get("/api/v1/query", params={"query": CALLS, "time": at})).json()["data"]
        assert found["resultType"] == "vector"
        by_code = {each["metric"]["response_code"]: float(each["value"][1]) for each in found["result"]}
        assert by_code == {"200": 9.0, "503": 1.0}
        form = {"query": CALLS, "start": str(now - 20), "end": at, "step": "5s"}
        found = (await client.post("/api/v1/query_range", data=form)).json()["data"]
        assert found["resultType"] == "matrix"
        assert [len(each["values"]) for each in found["result"]] == [5, 5]
        assert [float(value) for _, value in found["result"][0]["values"][1:]] == [9.0] * 4


async def test_any_other_question_is_refused_by_name(tmp_path: Path) -> None:
    async with asking(create_app(Metrics(targets(tmp_path)))) as client:

        async def refused(name: str, value: str) -> None:
            parameters = {"query": CALLS, "start": "0", "end": "100", "step": "5", name: value}
            assert (await client.get("/api/v1/query_range", params=parameters)).status_code == 400, (name, value)

        answer = await client.get("/api/v1/query", params={"query": "up"})
        assert answer.status_code == 400
        assert answer.json()["errorType"] == "bad_data"
        assert answer.json()["error"].endswith("Asked was: up")
        for name, odd in (("step", "0 0.001 -1"), ("end", "-1 inf"), ("start", "x nan -inf")):
            for value in odd.split():
                await refused(name, value)
        for question in BY_PROMQL:
            assert (await client.get("/api/v1/query", params={"query": question})).json()["data"]["result"] == []


async def test_a_proxy_that_does_not_answer_or_answers_nonsense_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "shop" / "dead").mkdir(parents=True)
    (tmp_path / "shop" / "dead" / "admin.sock").touch()
    with ExitStack() as stack:
        counted = 'envoy_istio_mesh_rule_requests_total{rule="r"} 4\n'
        stack.enter_context(envoy(tmp_path, "shop", "a", lambda _: counted))
        stack.enter_context(envoy(tmp_path, "shop", "b", lambda _: "what?\n\x00 1\n{} x"))
        stack.enter_context(envoy(tmp_path, "shop", "c", lambda _: None))
        metrics = Metrics(targets(tmp_path))
        await metrics.look(1.0)
        await metrics.look(2.0)
    (value,) = metrics.history.value(RULE_TOTALS, 2.0)
    assert (value.labels, value.value) == ({"rule": "r"}, 4.0)
