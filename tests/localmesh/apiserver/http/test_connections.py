import contextlib
import hashlib
import os
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen

import pytest

from localmesh.core.objects import Key
from tests.localmesh.apiserver.http.conftest import KUBECTL, World, open_world, start

BLOB = os.urandom(300_000)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(BLOB)))
        self.end_headers()
        self.wfile.write(BLOB)

    def do_POST(self) -> None:
        digest = hashlib.sha256(self.rfile.read(int(self.headers["content-length"]))).hexdigest().encode()
        self.send_response(200)
        self.send_header("content-length", str(len(digest)))
        self.end_headers()
        self.wfile.write(digest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[int]:
    """The port of a small web application."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def forwarded(world: World, running: Key, port: int) -> Iterator[str]:
    """Yield the address that kubectl listens on."""
    with world.background("port-forward", "-n", running.namespace, f"pod/{running.name}", f":{port}") as process:
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        yield found[0]


def test_exec_runs_the_command_and_exits_with_its_code(world: World, running: Key) -> None:
    done = world.kubectl("exec", "-n", running.namespace, "webapp", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.returncode) == ("out\n", 7)
    assert "err\n" in done.stderr
    assert "command terminated with exit code 7" in done.stderr


def test_exec_takes_the_first_container_and_says_so(world: World, running: Key) -> None:
    done = world.kubectl("exec", "-n", running.namespace, "webapp", "--", "true")
    assert 'Defaulted container "webapp" out of: webapp, beside' in done.stderr


def test_exec_passes_stdin_and_its_end(world: World, running: Key) -> None:
    with Popen(
        [KUBECTL, "exec", "-i", "-n", running.namespace, "webapp", "-c", "webapp", "--", "cat"],
        env=world.environment, stdin=PIPE, stdout=PIPE,
    ) as process:  # fmt: skip
        out, _ = process.communicate(BLOB, timeout=20)
    assert out == BLOB
    assert process.returncode == 0


def test_exec_of_an_unknown_command_says_why(world: World, running: Key) -> None:
    complaint = world.fails("exec", "-n", running.namespace, "webapp", "-c", "webapp", "--", "no-such-command")
    assert 'error: exec: "no-such-command": executable file not found in $PATH' in complaint


def test_exec_in_an_unknown_container_names_those_there_are(world: World, running: Key) -> None:
    complaint = world.fails("exec", "-n", running.namespace, "webapp", "-c", "other", "--", "true")
    assert "container other" in complaint
    assert "pod webapp" in complaint


def test_a_user_who_goes_away_takes_the_command_along(world: World, running: Key) -> None:
    with world.background(
        "exec", "-n", running.namespace, "webapp", "-c", "webapp", "--", "sh", "-c", "echo on; sleep 60"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        command = world.runtime.processes[-1]
    assert world.run(command.wait()) != 0


def test_logs_are_the_containers_own(world: World, running: Key) -> None:
    world.runtime.logs_of[running, "webapp"] = [b"first\n", b"second\n"]
    world.runtime.logs_of[running, "beside"] = [b"other\n"]
    assert world.ok("logs", "-n", running.namespace, "webapp") == "first\nsecond\n"
    assert world.ok("logs", "-n", running.namespace, "webapp", "-c", "beside") == "other\n"
    by_label = world.ok("logs", "-n", running.namespace, "-l", "app=webapp", "--prefix", "--all-containers")
    webapp, beside = "[pod/webapp/webapp] first\n[pod/webapp/webapp] second\n", "[pod/webapp/beside] other\n"
    assert by_label in (webapp + beside, beside + webapp)  # kubectl asks for the containers in an order of chance


def test_options_of_logs_reach_the_runtime(world: World, running: Key) -> None:
    world.ok("logs", "-n", running.namespace, "webapp", "--tail=3", "--timestamps", "--since=5s")
    asked = world.runtime.asked[-1]
    assert (asked.tail_lines, asked.timestamps, asked.follow) == (3, True, False)
    assert asked.since is not None


def test_a_log_that_is_not_there_is_an_error_in_words(world: World, running: Key) -> None:
    complaint = world.fails("logs", "-n", running.namespace, "webapp", "-p")
    assert 'previous terminated container "webapp" in pod "webapp" not found' in complaint


def test_port_forward_carries_bytes_both_ways(world: World, running: Key, application: int) -> None:
    world.runtime.ports[running, 8080] = application
    with forwarded(world, running, 8080) as address:
        for _ in range(3):
            assert urllib.request.urlopen(f"http://{address}/", timeout=10).read() == BLOB
        answer = urllib.request.urlopen(f"http://{address}/", data=BLOB, timeout=10).read()
    assert answer.decode() == hashlib.sha256(BLOB).hexdigest()


def test_port_forward_of_a_port_that_nobody_serves_says_so(world: World, running: Key) -> None:
    with forwarded(world, running, 81) as address:
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(10) == b""


def test_a_pod_that_takes_nothing_holds_up_nobody_else(world: World, running: Key, application: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        world.runtime.ports[running, 81] = closing.getsockname()[1]
        world.runtime.ports[running, 8080] = application
        ports = {}
        command = ("port-forward", "-n", running.namespace, f"pod/{running.name}", ":81", ":8080")
        with world.background(*command) as process:
            assert process.stdout is not None
            while len(ports) < 2:
                found = re.search(r"127\.0\.0\.1:(\d+) -> (\d+)", process.stdout.readline())
                ports |= {int(found[2]): int(found[1])} if found else {}
            with socket.create_connection(("127.0.0.1", ports[81]), timeout=10) as upload:
                accepted, _ = closing.accept()
                accepted.close()
                with contextlib.suppress(OSError):
                    upload.sendall(b"x" * 20_000_000)
            answer = urllib.request.urlopen(f"http://127.0.0.1:{ports[8080]}/", timeout=10).read()
    assert answer == BLOB


def test_a_command_of_a_user_without_terminal_gets_no_input(world: World, running: Key) -> None:
    assert world.ok("exec", "-n", running.namespace, "webapp", "-c", "webapp", "--", "cat") == ""


def test_streams_of_a_pod_that_is_not_there_are_not_found(world: World, namespace: str) -> None:
    for command in (["logs", "gone"], ["exec", "gone", "--", "true"], ["port-forward", "pod/gone", ":80"]):
        assert 'pods "gone" not found' in world.fails(*command[:1], "-n", namespace, *command[1:])


def test_the_end_of_the_door_ends_watches_logs_and_exec() -> None:
    commands = (
        ["get", "pods", "-w", "--no-headers"],
        ["logs", "-f", "webapp"],
        ["exec", "webapp", "--", "sh", "-c", "echo on; sleep 60"],
    )
    with open_world() as world, contextlib.ExitStack() as stack:
        running = start(world, "default")
        world.runtime.logs_of[running, "webapp"] = [b"line\n"]
        open_ones = [stack.enter_context(world.background(*command)) for command in commands]
        for process in open_ones:
            assert process.stdout is not None
            assert process.stdout.readline()
        world.run(world.door.__aexit__(None, None, None))
        assert [process.wait(10) for process in open_ones[:2]] == [0, 0]
        assert open_ones[2].wait(10) == 129
