"""What stands where Grafana would: leads to the time series of the mesh page. Runs as `grafana` in `istio-system`."""

from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from localmesh.telemetry.names import is_ours


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0
    """Seconds that a connection may say nothing; each has a thread."""

    def __init__(self, target: str, *arguments: object) -> None:
        self._target = target
        super().__init__(*arguments)  # type: ignore[arg-type] # what socketserver passes

    def do_GET(self) -> None:
        if not is_ours(self.headers.get("host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        self.send_response(HTTPStatus.FOUND)
        self.send_header("location", self._target)
        self.send_header("content-length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 -- http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's signature
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has gone."""


def serve(host: str, port: int, target: str) -> None:
    """Send every visitor to `target`, until SIGTERM."""
    with _Server((host, port), partial(_Handler, target)) as server:
        server.serve_forever()
