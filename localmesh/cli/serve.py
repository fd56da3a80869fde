"""`mesh serve`: the supervisor itself, which `mesh up` starts in the background. Not meant to be typed."""

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path

from localmesh.addons import AddonPorts
from localmesh.apiserver.http import kubeconfig
from localmesh.apiserver.http.certificates import Credentials, issue
from localmesh.core.errors import MeshError
from localmesh.core.landlock import confine_signals
from localmesh.core.loopback import LOOPBACK
from localmesh.home import KUBECONFIG_WRITTEN, Home, Lock

OPEN_FILES = 10240
"""What macOS grants a process at most; it gives 256 to begin with, and each Envoy holds a dozen connections to here."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command, without a line in the help."""
    parser = commands.add_parser("serve")
    parser.add_argument("--gateway-port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parser.add_argument("--images", type=Path, action="append", default=[])
    parser.add_argument("--telemetry-ports", type=int, nargs=4)
    parser.add_argument("--prometheus", type=Path)
    parser.add_argument("--outside-collector", default="")
    parser.add_argument("--stream", action="store_true")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the mesh until SIGTERM; tell through the pipe how far it is, or why it does not run."""
    confines_signals, home = confine_signals(), Home.default()
    gc.disable()  # nothing of what is imported goes; `supervise` has garbage collected from when kubectl is answered
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    allow_open_files()
    os.set_blocking(arguments.ready_fd, False)
    try:
        with home.hold() as lock:
            credentials = issue()
            kubeconfig.write(home.kubeconfig, f"https://{LOOPBACK}:{arguments.api_port}", credentials)
            _say(arguments.ready_fd, KUBECONFIG_WRITTEN)
            _run(arguments, home, lock, credentials, confines_signals=confines_signals)
    except MeshError as error:
        _say(arguments.ready_fd, str(error))
        print(f"mesh: {error}", file=sys.stderr)
        return 1
    return 0


def _run(
    arguments: argparse.Namespace, home: Home, lock: Lock, credentials: Credentials, *, confines_signals: bool
) -> None:
    """Run the mesh until SIGTERM. Raises MeshError."""
    # It takes half a second to import, in which `mesh up` starts kubectl.
    from localmesh.supervisor import Options, supervise  # noqa: PLC0415

    options = Options(
        home,
        lock,
        credentials,
        arguments.gateway_port,
        arguments.api_port,
        confines_signals=confines_signals,
        images=tuple(arguments.images),
        telemetry=AddonPorts(*arguments.telemetry_ports) if arguments.telemetry_ports else None,
        prometheus=arguments.prometheus,
        outside_collector=arguments.outside_collector,
        stream=arguments.stream,
    )

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await supervise(options, stop, lambda word: _say(arguments.ready_fd, word))

    asyncio.run(serve())


def allow_open_files() -> None:
    """Raise the soft limit on open files, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _say(descriptor: int, word: str) -> bool:
    """Write a line to whoever waits for the mesh; return whether they are still there."""
    try:
        os.write(descriptor, f"{word}\n".encode())
    except OSError:
        return False
    return True
