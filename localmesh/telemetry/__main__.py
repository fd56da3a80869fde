"""What runs in the pods of telemetry: `python -m localmesh.telemetry metrics|traces|page|boards`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def metrics(arguments: argparse.Namespace) -> None:
    """Run the stand-in for Prometheus, or the page that a real one scrapes, and that one beside it."""
    from localmesh.telemetry.kube import PODS, Watched  # noqa: PLC0415 -- each pod loads its own part
    from localmesh.telemetry.metrics import Metrics, create_app  # noqa: PLC0415
    from localmesh.telemetry.scraping import Page, Targets, envoys_of  # noqa: PLC0415

    pods = Watched(arguments.kubeconfig, PODS)
    targets = Targets(lambda: envoys_of(pods.objects.values()), tuple(Page(url) for url in arguments.page))
    if arguments.real:
        from localmesh.telemetry import real  # noqa: PLC0415

        real.run(arguments.real, create_app(Metrics(targets), pods, looks=False), *_place(9090))
    else:
        _serve(create_app(Metrics(targets), pods), 9090, arguments)


def traces(arguments: argparse.Namespace) -> None:
    """Run the receiver of spans and the page of traces."""
    from localmesh.telemetry.forwarding import Forwarder  # noqa: PLC0415
    from localmesh.telemetry.trace_store import TraceStore  # noqa: PLC0415
    from localmesh.telemetry.traces import create_app  # noqa: PLC0415

    forwarder = Forwarder(arguments.forward) if arguments.forward else None
    _serve(create_app(TraceStore(), arguments.mesh, forwarder), 16686, arguments, arguments.socket)


def mesh(arguments: argparse.Namespace) -> None:
    """Run the page of the mesh."""
    from localmesh.telemetry.eyes import Eyes  # noqa: PLC0415
    from localmesh.telemetry.kube import PODS, Watched  # noqa: PLC0415
    from localmesh.telemetry.page import Links, create_app  # noqa: PLC0415

    pods = Watched(arguments.kubeconfig, PODS)
    links = Links(arguments.traces, arguments.metrics, arguments.gateway)
    _serve(create_app(Eyes(arguments.prometheus, pods), links), 20001, arguments)


def boards(arguments: argparse.Namespace) -> None:
    """Lead to the time series."""
    from localmesh.telemetry import boards as leading  # noqa: PLC0415

    leading.serve(*_place(3000), arguments.target)


def _serve(app: "ASGIApp", default_port: int, arguments: argparse.Namespace, path: Path | None = None) -> None:
    from localmesh.telemetry.serving import listen, serve  # noqa: PLC0415 -- uvicorn, which `boards` does without

    serve(app, listen(*_place(default_port), path), arguments.mesh_id)


def _place(default_port: int) -> tuple[str, int]:
    """Return where the kubelet wants this process to listen."""
    return os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", default_port))


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(prog="python -m localmesh.telemetry", description=__doc__)
    top.add_argument("--mesh-id", default="", metavar="UID", help="whose pages these are: said on each answer")
    roles = top.add_subparsers(required=True, metavar="ROLE")
    role = roles.add_parser("metrics", help="scrapes all proxies")
    role.add_argument("--kubeconfig", type=Path, required=True, help="leads to the API server, which knows the pods")
    role.add_argument("--real", type=Path, help="a Prometheus or VictoriaMetrics that scrapes and answers instead")
    role.add_argument("--page", action="append", default=[], metavar="URL", help="one more page to scrape")
    role.set_defaults(run=metrics)
    role = roles.add_parser("traces", help="takes spans and shows traces")
    role.add_argument("--socket", type=Path, help="where proxies send their spans")
    role.add_argument(
        "--forward", metavar="URL", help="a collector outside that gets all spans in place of this, as OTLP"
    )
    role.add_argument("--mesh", default="/", metavar="URL", help="the page of the mesh, for the browser")
    role.set_defaults(run=traces)
    role = roles.add_parser("page", help="shows the mesh")
    role.add_argument("--kubeconfig", type=Path, required=True, help="leads to the API server, which knows the pods")
    role.add_argument("--prometheus", required=True, metavar="URL", help="whom to ask for metrics")
    role.add_argument("--traces", default="/", metavar="URL", help="the page of traces, for the browser")
    role.add_argument("--gateway", default="/", metavar="URL", help="the ingress gateway, for the browser")
    role.add_argument("--metrics", default="/", metavar="URL", help="the page of metrics, for the browser")
    role.set_defaults(run=mesh)
    role = roles.add_parser("boards", help="leads to the time series")
    role.add_argument("--target", required=True, metavar="URL")
    role.set_defaults(run=boards)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one role until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    arguments = parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except OSError as error:
        print(f"telemetry: {error}", file=sys.stderr)  # noqa: T201 -- what `kubectl logs` shows of a failed start
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
