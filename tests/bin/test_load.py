"""bin/load, as a program against a real server, and its arithmetic by itself."""

import importlib.machinery
import importlib.util
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trustme

from tests.bin.server import Server, serving

Run = Callable[..., "Done"]
Summary = Callable[..., dict[str, Any]]
LOAD = Path(__file__).resolve().parents[2] / "bin" / "load"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def load() -> ModuleType:
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader("bin_load", str(LOAD))
    spec = importlib.util.spec_from_loader("bin_load", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules["bin_load"] = module
    loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.stdout.splitlines()]


@pytest.fixture
def run(load: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The script in this process, which is quicker than one of its own each time."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["bin/load", *arguments])
        try:
            code = load.main()
        except SystemExit as end:
            code = end.code
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def summary(run: Run) -> Summary:
    """What the script says with --json."""
    return lambda *arguments: json.loads(run(*arguments, "--json").stdout)


def test_it_sends_as_many_requests_as_asked_for_and_says_what_came_of_them(server: Server) -> None:
    command = [sys.executable, "-I", LOAD, server.url(), "-n", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(server.heads) == 20
    total, success, status, latency = done.stdout.splitlines()
    assert total.startswith("20 requests in ")
    assert success.split() == ["success", "20", "100.0", "%", "(83.9", "to", "100.0)"]
    assert status.split() == ["status", "200", "20", "100.0", "%", "(83.9", "to", "100.0)"]
    assert re.fullmatch(r"latency( +(p50|p90|p95|p99|max) [0-9.]+){5} ms", latency)


def test_it_keeps_its_connections_and_has_no_more_than_asked_for(server: Server, summary: Summary) -> None:
    assert summary(server.url(), "-n", "20", "-c", "3")["success"]["count"] == 20
    assert 1 <= server.connections <= 3


def test_it_ends_by_itself_when_its_time_is_up(server: Server, summary: Summary) -> None:
    found = summary(server.url(), "-d", "200ms")
    assert found["requests"] == len(server.heads)
    assert found["seconds"] >= 0.2


def test_ten_seconds_unless_told(load: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []
    monkeypatch.setattr(load, "run", lambda plan, *_: plans.append(plan))
    for more in ([], ["-n", "5"], ["-d", "2m"]):
        monkeypatch.setattr(sys, "argv", ["load", "http://127.0.0.1:1", *more])
        load.main()
    assert [(plan.duration, plan.count) for plan in plans] == [(10.0, None), (None, 5), (120.0, None)]


def test_connections_are_four_and_more_where_a_rate_has_to_be_kept_unless_told(
    load: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = []
    monkeypatch.setattr(load, "run", lambda *asked: workers.append(asked[-1]))
    for more in ([], ["--rate", "5"], ["--rate", "5", "-c", "2"]):
        monkeypatch.setattr(sys, "argv", ["load", "http://127.0.0.1:1", *more])
        load.main()
    assert workers == [4, 64, 2]


def test_nothing_is_taken_any_more_once_it_is_stopped(load: ModuleType) -> None:
    plan = load.Plan(count=5, duration=None, rate=None)
    plan.stop.set()
    assert (plan.take(), plan.taken) == (None, 0)


def test_ctrl_c_gives_the_summary_of_what_there_was(server: Server) -> None:
    with subprocess.Popen(
        [sys.executable, LOAD, server.url(), "-d", "60", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert server.asked.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"")
    found = json.loads(out)
    assert found["interrupted"] is True
    assert found["seconds"] < 60


def test_headers_go_along_and_host_replaces_its_own(server: Server, run: Run) -> None:
    run(server.url("/ok?a=b c"), "-n", "1", "-H", "x-dark-launch: v2", "-H", "Host: shop.example")
    (head,) = server.heads
    assert head.startswith("GET /ok?a=b%20c HTTP/1.1\r\n")
    assert "\r\nx-dark-launch: v2\r\n" in head
    assert [line for line in head.split("\r\n") if line.lower().startswith("host:")] == ["Host: shop.example"]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/drop", "closed without an answer"),
        ("/short", "answer broke off"),
        ("/rubbish", "not HTTP (BadStatusLine)"),
    ],
)
def test_a_request_without_a_whole_answer_is_an_error_of_its_kind(
    server: Server, path: str, what: str, summary: Summary
) -> None:
    found = summary(server.url(path), "-n", "3", "-c", "1")
    assert {error: share["count"] for error, share in found["errors"].items()} == {what: 3}
    assert found["statuses"] == found["latency_ms"] == {}
    assert found["success"] == {"count": 0, "share": 0.0, "low": 0.0, "high": pytest.approx(0.561, abs=0.001)}


def test_nobody_listens_is_an_error_and_an_exit_code(run: Run) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = run(f"http://127.0.0.1:{bound.getsockname()[1]}", "-n", "2")
    assert done.returncode == 1
    assert "connection refused" in done.stdout


def test_a_server_that_never_answers_is_waited_for_as_long_as_asked(summary: Summary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = summary(f"http://127.0.0.1:{silent.getsockname()[1]}", "-n", "2", "-c", "2", "-t", "100ms")
    assert {error: share["count"] for error, share in found["errors"].items()} == {"no answer in 0.1 s": 2}


@pytest.mark.parametrize("path", ["/continue", "/body"])
def test_an_answer_that_comes_for_longer_than_it_may_take_is_given_up(
    server: Server, path: str, summary: Summary
) -> None:
    found = summary(server.url(path), "-n", "2", "-c", "2", "-t", "100ms")
    assert {error: share["count"] for error, share in found["errors"].items()} == {"no answer in 0.1 s": 2}


@pytest.mark.parametrize("path", ["/chunked", "/closes", "/status/204"])
def test_every_form_of_an_answer_is_read_to_its_end(server: Server, path: str, summary: Summary) -> None:
    assert summary(server.url(path), "-n", "5", "-c", "1")["success"]["count"] == 5


def test_statuses_are_counted_and_a_redirect_is_no_failure(server: Server, summary: Summary) -> None:
    for status, good in (("503", 0), ("400", 0), ("399", 4), ("200", 4)):
        found = summary(server.url(f"/status/{status}"), "-n", "4")
        assert {name: share["count"] for name, share in found["statuses"].items()} == {status: 4}
        assert found["success"]["count"] == good


def test_who_answered_is_told_by_service_version_and_pod(server: Server, run: Run, summary: Summary) -> None:
    found = summary(server.url("/versions"), "-n", "20")
    assert found["versions"]["catalog"]["v2"] == {
        "count": 2, "share": 0.1, "low": pytest.approx(0.0279, abs=1e-4), "high": pytest.approx(0.3010, abs=1e-4),
    }  # fmt: skip
    assert found["pods"] == {"webapp@w-1": 20, "catalog/v1@c-v1": 18, "catalog/v2@c-v2": 2}
    lines = [line[:5] for line in run(server.url("/versions"), "-n", "20").lines]
    assert ["served", "by", "catalog/v2", "2", "10.0"] in lines
    assert ["served", "by", "webapp", "20", "100.0"] in lines


@pytest.mark.parametrize(
    ("expected", "met"),
    [
        ("success>=0.9", True),
        ("success>=100%", True),
        ("success<100%", False),
        ("errors=0", True),
        ("200=100%", True),
        ("500<=1%", True),
        ("500>0", False),
        ("v2=10%±3", True),
        ("v2 = 14% ± 3", False),
        ("v2=10%+-3", True),
        ("v2=13%±3", True),
        ("v2=13.1%±3", False),
        ("v2=0.1±0.01", True),
        ("v2=10%", True),
        ("v2=50%", False),
        ("catalog/v1>=0.9", True),
        ("v3=0", True),
        ("webapp/v1=100%", False),
        ("forum/v1=0", False),
        ("p50<=500ms", True),
        ("p50<=499ms", False),
        ("p50<=0.49", False),
        ("p100>=1s", True),
        ("rate>=123", True),
        ("rate>=124", False),
    ],
)
def test_what_is_expected_is_judged_by_what_was_seen(load: ModuleType, expected: str, met: bool) -> None:
    tally = load.Tally()
    for number in range(100):
        version = "v2" if number % 10 == 0 else "v1"
        tally.answer(200, 0.01 * (number + 1), f"webapp@w-1, catalog/{version}@c-{version}")
    assert load.Expectation(expected).judge(tally, 123.4)[0] is met


def test_all_expectations_have_to_be_met(server: Server, run: Run, summary: Summary) -> None:
    found = summary(server.url("/versions"), "-n", "10", "--expect", "success=1", "--expect", "v2=0")
    assert {judged["expect"]: judged["met"] for judged in found["expectations"]} == {"success=1": True, "v2=0": False}
    done = run(server.url("/versions"), "-n", "10", "--expect", "success=1", "--expect", "success<1")
    assert done.returncode == 1
    assert [line[:2] for line in done.lines[-2:]] == [["met", "success=1:"], ["NOT", "MET"]]
    assert run(server.url("/versions"), "-n", "10", "--expect", "success=1").returncode == 0


def test_a_version_is_not_there_where_nobody_says_who_answered(server: Server, run: Run) -> None:
    done = run(server.url(), "-n", "5", "--expect", "v2=0")
    assert done.returncode == 1
    assert "nothing was seen that says so" in done.stdout


@pytest.mark.parametrize("url", ["127.0.0.1:30000", "ftp://h", "http://", "http://h:99999", "http://h:0"])
def test_what_is_no_url_is_refused(run: Run, url: str) -> None:
    done = run(url)
    assert done.returncode == 2
    assert "say http://HOST[:PORT][/PATH]" in done.stderr


@pytest.mark.parametrize(
    "words",
    ["-n 0", "-c x", "-n 1 -d 1", "-d soon", "-d 0", "-t 0s", "--rate nan", "--rate 0", "-H colon", "-H a:\nb:c",
     f"-n {'9' * 400}", f"-d {'9' * 400}", "-t 99999999", "--expect p999<1", "--expect p²<1",
     "--expect success", "--expect success>=90", "--expect v2>=10%±3", "--expect p99=1s", "--expect v2=x"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_how_to_say_it(run: Run, words: str) -> None:
    done = run("http://h", *words.split(" "))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"say|not allowed with|no number above zero", done.stderr)


def test_a_rate_is_kept_whether_or_not_there_are_answers(server: Server, summary: Summary) -> None:
    # None of the eight is answered before all of them are there.
    server.gate = threading.Barrier(8)
    found = summary(server.url("/gate"), "-n", "8", "--rate", "400", "-c", "8")
    assert found["success"]["count"] == 8


def test_a_rate_that_was_not_kept_is_said_unless_it_was_broken_off(load: ModuleType) -> None:
    tally = load.Tally()
    for _ in range(10):
        tally.answer(200, 0.01, "")

    def is_said(rate: float | None, *, interrupted: bool = False) -> bool:
        lines = load.Report("http://h", tally, 1.0, rate, interrupted, 0, []).lines()
        return any("asked for" in line for line in lines)

    assert [is_said(rate) for rate in (None, 10.0, 10.5, 11.0)] == [False, False, False, True]
    assert not is_said(11.0, interrupted=True)


def test_a_rate_says_when_each_request_is_due(load: ModuleType) -> None:
    plan = load.Plan(count=None, duration=0.05, rate=100.0)
    moments = list(iter(plan.take, None))
    assert [round(due - plan.began, 6) for due in moments] == [0.0, 0.01, 0.02, 0.03, 0.04]


class Down:
    """A client that cannot even send."""

    timeout = 1.0

    def ask(self) -> tuple[int, str]:
        raise ConnectionRefusedError


@pytest.mark.parametrize(("rate", "pauses"), [(None, 3), (1e6, 0)])
def test_a_request_that_cannot_be_sent_is_followed_by_a_pause_unless_a_rate_sets_the_pace(
    load: ModuleType, monkeypatch: pytest.MonkeyPatch, rate: float | None, pauses: int
) -> None:
    plan, waited = load.Plan(count=3, duration=None, rate=rate), []
    monkeypatch.setattr(plan.stop, "wait", waited.append)
    load.work(plan, Down(), load.Tally())
    assert waited.count(load.PAUSE_SECONDS) == pauses


def test_latency_under_a_rate_counts_from_when_the_request_was_due(load: ModuleType) -> None:
    class Slow:
        timeout = 1.0

        def ask(self) -> tuple[int, str]:
            plan.stop.wait(0.02)
            return 200, ""

    plan, tally = load.Plan(count=5, duration=None, rate=1e6), load.Tally()
    load.work(plan, Slow(), tally)
    # One worker: the last of five has waited for the four before it.
    assert tally.percentile(100) >= 5 * 0.02


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (1, 1000, 0.0002, 0.0056),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilsons_interval_of_known_cases(load: ModuleType, count: int, total: int, low: float, high: float) -> None:
    assert load.Share(count, total).interval == pytest.approx((low, high), abs=1e-4)


def test_percentiles_are_by_nearest_rank(load: ModuleType) -> None:
    tally = load.Tally()
    for number in range(1, 101):
        tally.answer(200, float(number), "")
    assert [tally.percentile(percent) for percent in (50, 90, 99, 100)] == [50, 90, 99, 100]


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    load: ModuleType, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = load.Client(server.url(), {}, 5.0, insecure=False)
    client.ask()
    client.ask()
    assert server.connections == 1
    monkeypatch.setattr(load, "IDLE_SECONDS", 0.0)
    client.ask()
    assert server.connections == 2
    for _, connection in client.idle:
        connection.close()


def test_a_reader_that_goes_before_the_summary_makes_no_noise(server: Server) -> None:
    script = f"{sys.executable} {LOAD} {server.url()} -n 1 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode in {0, 1}, done.stderr) == (True, "")


def test_a_certificate_that_nobody_vouches_for_is_an_error_unless_any_is_taken(run: Run, summary: Summary) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(context) as server:
        url = server.url().replace("http:", "https:")
        assert "TLS: CERTIFICATE_VERIFY_FAILED" in run(url, "-n", "1").stdout
        assert summary(url, "-n", "2", "-k")["success"]["count"] == 2
