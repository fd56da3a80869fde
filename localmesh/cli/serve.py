"""`mesh serve`: the supervisor itself, which `mesh up` starts in the background. Not meant to be typed."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path

from localmesh.addons import AddonPorts
from localmesh.core.errors import MeshError
from localmesh.core.landlock import confine_signals
from localmesh.home import READY, Home

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
    """Run the mesh until SIGTERM; tell through the pipe when it is ready, or why it is not."""
    confines_signals = confine_signals()
    gc.disable()  # nothing of what is imported goes; `supervise` has garbage collected from when kubectl is answered
    from localmesh.supervisor import Options, supervise  # noqa: PLC0415 -- 0.3 s that no other command needs

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    allow_open_files()
    options = Options(
        Home.default(),
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
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await supervise(options, stop, ready=lambda: _say(arguments.ready_fd, READY))

    try:
        asyncio.run(serve())
    except MeshError as error:
        _say(arguments.ready_fd, str(error))
        print(f"mesh: {error}", file=sys.stderr)
        return 1
    return 0


def allow_open_files() -> None:
    """Raise the soft limit on open files, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _say(descriptor: int, text: str) -> None:
    """Write to whoever waits for the mesh; they may be gone."""
    with contextlib.suppress(OSError):
        os.write(descriptor, text.encode())
        os.close(descriptor)
