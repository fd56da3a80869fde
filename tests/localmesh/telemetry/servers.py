"""Whom telemetry asks, made by hand: pages on Unix sockets and ports."""

import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localmesh.telemetry.scraping import Envoy, Targets

LABELS = (
    'reporter="{reporter}",source_workload="{source}",source_workload_namespace="shop",source_version="",'
    'destination_workload="{to}",destination_workload_namespace="shop",destination_version="{version}",'
    'destination_service_name="{service}",destination_service_namespace="shop",response_code="{code}",'
    'response_flags="{flags}"'
)


def series(name: str, value: float, **labels: str) -> str:
    """A line of an Envoy's page, with Istio's labels."""
    given = {"reporter": "source", "source": "webapp", "to": "catalog", "version": "v1", "service": "catalog"}
    given |= {"code": "200", "flags": "-", **labels}
    le = f',le="{labels["le"]}"' if "le" in labels else ""
    return f"envoy_istio_{name}{{{LABELS.format(**given)}{le}}} {value}\n"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.server.answer(self.path)  # type: ignore[attr-defined]
        text = found if isinstance(found, str) else json.dumps(found)
        self.send_response(200 if found is not None else 404)
        self.end_headers()
        self.wfile.write(text.encode() if found is not None else b"")

    def address_string(self) -> str:
        return "test"

    def log_message(self, *_: object) -> None:
        pass


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def targets(folder: Path) -> Targets:
    """Whoever has a socket in a folder."""

    def envoys() -> list[Envoy]:
        found = sorted(folder.glob("*/*/admin.sock"))
        return [Envoy(path.parent.parent.name, path.parent.name, path) for path in found]

    return Targets(envoys)


@contextmanager
def envoy(folder: Path, namespace: str, pod: str, answer: Callable[[str], Any]) -> Iterator[Path]:
    """An admin page that answers with what `answer` returns for a path."""
    path = folder / namespace / pod / "admin.sock"
    path.parent.mkdir(parents=True)
    with _Unix(str(path), _Handler) as server:
        server.answer = answer  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
            path.unlink()
            path.parent.rmdir()
