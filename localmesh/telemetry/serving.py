"""How each process of telemetry is served: on a port, on a Unix socket besides, until SIGTERM."""

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from localmesh.telemetry.host_guard import HostGuard

GRACE_S = 1
"""How long streams may go on after SIGTERM: they are endless."""


def listen(host: str, port: int, path: Path | None = None) -> list[socket.socket]:
    """Open a port, and a Unix socket in place of one that a killed predecessor left. Raises OSError."""
    sockets = [socket.create_server((host, port), backlog=128)]
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        local = socket.socket(socket.AF_UNIX)
        local.bind(str(path))
        path.chmod(0o600)
        sockets.append(local)
    return sockets


def serve(app: ASGIApp, sockets: Sequence[socket.socket], mesh_id: str = "") -> None:
    """Serve an app on open sockets until SIGTERM or SIGINT; each answer says whose page it is."""
    config = uvicorn.Config(
        HostGuard(app, mesh_id=mesh_id),
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=list(sockets))
