"""`mesh up`: start the mesh, apply the storefront, say what runs and what to type next."""

import argparse
import contextlib
import io
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from localmesh.addons import AddonPorts
from localmesh.cli.kubectl import Kubectl, scripts_folder
from localmesh.cli.telemetry import page_ports, telemetry_arguments
from localmesh.core.errors import MeshError
from localmesh.core.loopback import free_port, is_taken
from localmesh.envoy.binary import envoy_binary
from localmesh.home import AVAILABLE, CHECKOUT, KUBECONFIG_WRITTEN, READY, AlreadyRunsError, Home

GATEWAY_PORT = 30000
API_PORT = 30443
"""The preferred one: kubectl caches discovery by host and port."""

SEEDED = 1
"""Deployments that are there before anything is applied: the ingress gateway."""

PATIENCE_S = 90
BASE = CHECKOUT / "k8s" / "base"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh up`."""
    parser = commands.add_parser("up", help="start the mesh and the storefront, and return")
    parser.add_argument("--empty", action="store_true", help="without the storefront: where the tutorial starts")
    parser.add_argument("--foreground", action="store_true", help="stream all logs and end on Ctrl-C")
    parser.add_argument("--gateway-port", type=port, default=GATEWAY_PORT, metavar="PORT",
                        help=f"where the ingress gateway answers on 127.0.0.1 ({GATEWAY_PORT})")  # fmt: skip
    parser.add_argument("--api-port", type=port, metavar="PORT",
                        help=f"where kubectl is answered ({API_PORT}, or any free one if that is taken)")  # fmt: skip
    parser.add_argument("--images", type=Path, action="append", default=[], metavar="FILE",
                        help="programs that stand for further images, in the form of localmesh/kubelet/images.yaml;"
                        " .mesh/images.yaml is read without being named")  # fmt: skip
    parser.add_argument("--no-telemetry", action="store_true",
                        help="without metrics, traces and their pages; costs a request less")  # fmt: skip
    parser.add_argument("--telemetry-ports", type=port, metavar="FIRST",
                        help=f"where they answer: four ports in a row ({AddonPorts().metrics}, or any free ones if"
                        " these are taken)")  # fmt: skip
    parser.set_defaults(run=run)


def port(text: str) -> int:
    """Return a port number a user may listen on. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:  # noqa: PLR2004 -- the bounds are in the message
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1024 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Bring everything up."""
    began, home = time.monotonic(), Home.default()
    api_port = _check(home, arguments)
    home.create()
    _write_environment(home)
    pages = None if arguments.no_telemetry else page_ports(arguments.telemetry_ports)
    supervisor = _launch(home, arguments, api_port, pages)
    with _ended_on_interrupt(supervisor.process) if arguments.foreground else contextlib.nullcontext():
        ready = _bring_up(home, arguments, supervisor)
        _warn_of_signals(home)
        _say_what_next(home, arguments, time.monotonic() - began, ready=ready)
        if pages:
            print(f"  see it: http://127.0.0.1:{pages.mesh} the mesh, http://127.0.0.1:{pages.traces} traces,"
                  f" http://127.0.0.1:{pages.metrics} metrics", flush=True)  # fmt: skip
        supervisor.words.close()
        if arguments.foreground:
            return supervisor.process.wait()
    return 0 if ready else 1


def _check(home: Home, arguments: argparse.Namespace) -> int:
    """Return the API's port. Raises MeshError for whatever would keep the mesh from starting."""
    if home.running():
        raise AlreadyRunsError(home.already_runs())
    envoy_binary()
    if is_taken(arguments.gateway_port):
        raise MeshError(
            f"port {arguments.gateway_port} on 127.0.0.1 is taken: end what listens there (another checkout's mesh,"
            " a kind cluster?) or choose another by --gateway-port PORT (make up ARGS='--gateway-port PORT')"
        )
    if arguments.api_port is None:
        return free_port() if is_taken(API_PORT) else API_PORT
    if is_taken(arguments.api_port):
        raise MeshError(f"port {arguments.api_port} on 127.0.0.1 is taken: choose another with --api-port PORT")
    return int(arguments.api_port)


def _write_environment(home: Home) -> None:
    """Write what `source .mesh/env` does: two commands on the PATH, and where kubectl finds the mesh."""
    home.bin.mkdir(exist_ok=True)
    for name in ("kubectl", "mesh"):
        link = home.bin / name
        link.unlink(missing_ok=True)
        link.symlink_to(scripts_folder() / name)
    folder = shlex.quote(str(home.bin))
    home.environment.write_text(
        f"case :$PATH: in *:{folder}:*) ;; *) export PATH={folder}:$PATH ;; esac\n"
        f"export KUBECONFIG={shlex.quote(str(home.kubeconfig))}\n"
        f"export MESH_DIR={shlex.quote(str(home.path))}\n"
    )


class Supervisor(Struct, frozen=True):
    """A supervisor that starts."""

    process: subprocess.Popen[bytes]
    words: io.FileIO
    """What it says of how far it is, a line each."""

    log: Path

    def wait_for(self, word: str) -> None:
        """Wait until it says so. Raises MeshError with what it says instead."""
        said = self.words.readline().decode().rstrip()
        if said != word:
            end = f"the mesh did not start; the end of {self.log}:\n{_tail(self.log)}"
            raise MeshError(f"{said}\n{self.words.readall().decode()}".strip() or end)

    def available(self, deadline: float) -> str:
        """Return the next Deployment that is available; "" when there is none by then, or the supervisor has ended."""
        left = max(0.0, deadline - time.monotonic())
        said = self.words.readline().decode() if select.select([self.words], [], [], left)[0] else ""
        return said.removeprefix(AVAILABLE).rstrip()


def _launch(home: Home, arguments: argparse.Namespace, api_port: int, pages: AddonPorts | None) -> Supervisor:
    """Start the supervisor in a session of its own."""
    ours, theirs = os.pipe()
    command = [
        sys.executable, "-m", "localmesh", "serve", f"--ready-fd={theirs}", f"--api-port={api_port}",
        f"--gateway-port={arguments.gateway_port}", *(["--stream"] if arguments.foreground else []),
        *(f"--images={file.absolute()}" for file in arguments.images), *telemetry_arguments(pages),
    ]  # fmt: skip
    with home.log.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=None if arguments.foreground else log, stderr=log,
            pass_fds=(theirs,), start_new_session=True, cwd=CHECKOUT, env={**os.environ, "MESH_DIR": str(home.path)},
        )  # fmt: skip
    os.close(theirs)
    return Supervisor(process, io.FileIO(ours), home.log)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def _ended_on_interrupt(supervisor: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the supervisor, drained, when Ctrl-C, SIGTERM or the end of the terminal ends the block."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("\nending the mesh …", flush=True)
    finally:
        supervisor.terminate()
        supervisor.wait()


def _bring_up(home: Home, arguments: argparse.Namespace, supervisor: Supervisor) -> bool:
    """Apply the storefront and wait until it answers; tell whether it did in time. Raises MeshError."""
    kubectl = Kubectl(home)
    supervisor.wait_for(KUBECONFIG_WRITTEN)
    if arguments.empty:
        supervisor.wait_for(READY)
        return _wait_for_rollouts(supervisor, kubectl, SEEDED)

    def storefront() -> str:
        built = kubectl.output("kustomize", str(BASE))
        supervisor.wait_for(READY)
        return built

    # As `kubectl apply` leaves it, which asks three times for each object where there is none yet.
    applied = kubectl.lines("create", "--save-config", "-f", "-", stdin=storefront)
    if applied is None:
        raise MeshError(f"the storefront in {BASE} was not applied; the mesh runs: `mesh down` ends it")
    count = SEEDED + sum(line.startswith("deployment.apps/") for line in applied)
    return _wait_for_rollouts(supervisor, kubectl, count) and _wait_for_gateway(arguments.gateway_port)


def _wait_for_rollouts(supervisor: Supervisor, kubectl: Kubectl, count: int) -> bool:
    """Print a line for each Deployment that becomes ready; False when fewer than `count` do within PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    for done in range(count):
        name = supervisor.available(deadline)
        if not name:
            print(f"mesh: {done} of {count} Deployments are ready; see {supervisor.log}", file=sys.stderr)
            kubectl.call("get", "pods", "-A")
            return False
        print(f"  ready: {name}", flush=True)
    return True


def _wait_for_gateway(number: int) -> bool:
    """Wait until the storefront's Gateway has reached its Envoy: that one listens only then."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)):
            return True
        time.sleep(0.02)
    print(f"mesh: nothing listens on port {number}: `kubectl describe gw -A` may say why", file=sys.stderr)
    return False


def _warn_of_signals(home: Home) -> None:
    """Say what a process in a pod can do when root runs the mesh: pods are processes of this machine."""
    running = home.running()
    if os.geteuid() == 0 and running is not None and not running.confines_signals:
        print(
            "\nWarning: root runs this mesh, so a process in a pod may signal any process of this machine:"
            "\n`kubectl exec POD -- kill 1` reaches its init. Run the mesh as another user where that matters,"
            "\nor on Linux 6.12 or newer, where Landlock keeps signals within the mesh."
        )


def _say_what_next(home: Home, arguments: argparse.Namespace, seconds: float, *, ready: bool) -> None:
    """Say what runs and what to type."""
    path = home.environment
    environment = shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
    url = f"http://127.0.0.1:{arguments.gateway_port}"
    if not ready:
        lines = [(f"source {environment}", "then look: kubectl describe pod -n NAMESPACE NAME")]
    elif arguments.empty:
        print(f"\nAn empty mesh with an ingress gateway runs ({seconds:.1f} s). Next:")
        lines = [
            (f"source {environment}", "kubectl and mesh on your PATH"),
            ("kubectl create ns istioinaction", "where section 2.3 of the tutorial starts"),
        ]
    else:
        print(f"\nThe storefront runs behind Envoy: {url} ({seconds:.1f} s). Next:")
        lines = [
            (f"source {environment}", "kubectl and mesh on your PATH"),
            (f"curl {url}/api/catalog", "through the gateway, webapp and catalog"),
            ("bin/chaos.sh 500 50", "break half of catalog's answers"),
            ("kubectl apply -f k8s/experiments/catalog-retries.yaml", "heal them by retries"),
        ]
    lines.append(("Ctrl-C" if arguments.foreground else "make down", "ends everything"))
    for command, meaning in lines:
        print(f"  {command:<55} {meaning}")
    sys.stdout.flush()
