"""`mesh trace`: a trace in the terminal, each attempt with its pod and reason."""

import argparse
import http.client
import json
import secrets
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from typing import Any

from localmesh.cli import pages
from localmesh.cli.kubectl import Kubectl
from localmesh.cli.proxies import kubectl
from localmesh.core.errors import MeshError
from localmesh.core.objects import Object
from localmesh.envoy.matching import Request
from localmesh.telemetry.waterfall import drawn

STOREFRONT = "istioinaction"
PATIENCE_S = 10.0
QUIET_S = 1.5
"""How long no span has to have come in until a trace is taken to be whole: proxies send theirs once a second."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh trace`."""
    parser = commands.add_parser("trace", help="draw a trace: who called whom, each attempt, how long, and why not")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--last", action="store_true", help="the newest one (also without any argument)")
    which.add_argument("id", nargs="?", help="the one whose id begins so")
    which.add_argument("--url", metavar="PATH", help="send a request to this path of the gateway, and draw its trace")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="NAME: VALUE", help="sent with --url")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Find a trace and draw it."""
    client = kubectl()
    services = pages.services_of(client)
    base = _base(client, services)
    if arguments.url is not None:
        authority = f"127.0.0.1:{gateway_port(services)}"
        request = Request(authority, f"/{arguments.url.lstrip('/')}", headers=headers_of(arguments.header))
        trace = _of_request(base, request, None)
    else:
        _check_kept(base)
        trace = _ask(f"{base}/{urllib.parse.quote(arguments.id or _newest(base), safe='')}")
    if trace is not None:
        print(json.dumps(trace, indent=1) if arguments.output == "json" else _drawn(trace))
    return 0


def send(client: Kubectl, request: Request, proxy_port: int | None) -> None:
    """Send a request, through a sidecar if one is named by its port, and draw what became of it. Raises MeshError."""
    trace = _of_request(_base(client, pages.services_of(client)), request, proxy_port)
    if trace is not None:
        print(_drawn(trace))


def _drawn(trace: dict[str, Any]) -> str:
    return drawn(trace, shutil.get_terminal_size((120, 24)).columns)


def gateway_port(services: Sequence[Object]) -> int:
    """Return where the ingress gateway answers on loopback."""
    return pages.node_port(services, "istio-ingressgateway")


def _base(client: Kubectl, services: Sequence[Object]) -> str:
    urls = pages.find(client, services)
    if urls is None:
        raise MeshError("this mesh runs without telemetry: mesh up (without --no-telemetry) keeps traces")
    return f"{urls.traces}/api/traces"


def _newest(base: str) -> str:
    traces = [trace for trace in _ask(base)["traces"] if not trace["parent"]]
    if not traces:
        raise MeshError("no trace yet: mesh trace --url /api/catalog sends a request and draws its own")
    return str(traces[0]["id"])


def _outside(base: str) -> str:
    """Return the collector that gets all spans in place of this mesh, "" if there is none."""
    outside = _ask(f"{base}?limit=1").get("outside")
    return str(outside["url"]) if outside else ""


def _check_kept(base: str) -> None:
    """Raise MeshError when no traces are kept here, with where they are."""
    if url := _outside(base):
        raise MeshError(f"spans go to {url}, as OTEL_EXPORTER_OTLP_ENDPOINT said at mesh up; none are kept here")


def _of_request(base: str, request: Request, proxy_port: int | None) -> dict[str, Any] | None:
    """Send a request that begins a trace of its own, and wait for its spans; None when they go elsewhere."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    url = f"http://{request.authority}{request.target}"
    asked = urllib.request.Request(url, headers=dict(request.headers), method=request.method)
    asked.add_header("traceparent", f"00-{trace}-{span}-01")
    proxies = {"http": f"http://127.0.0.1:{proxy_port}"} if proxy_port else {}
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler(proxies)).open(asked, timeout=30) as answer:
            print(f"{url} answers {answer.status}", file=sys.stderr)
    except urllib.error.HTTPError as error:
        with error:
            print(f"{url} answers {error.code}", file=sys.stderr)
    except (OSError, http.client.HTTPException, ValueError) as error:  # the last two: what HTTP cannot say
        raise MeshError(f"{url}: {error}") from error
    if outside := _outside(base):
        print(f"trace {trace} goes to {outside}, none is kept here", file=sys.stderr)
        return None
    return _whole(f"{base}/{trace}", span)


def header(text: str) -> tuple[str, str]:
    """Read a header as curl's -H takes it. Raises MeshError."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise MeshError(f"-H {text!r}: a header is NAME: VALUE")
    return name.strip(), value.strip()


def headers_of(texts: Iterable[str]) -> dict[str, str]:
    """Return headers by lower-case name, several of one name as one. Raises MeshError."""
    headers: dict[str, str] = {}
    for name, value in map(header, texts):
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers


def _whole(url: str, first: str) -> dict[str, Any]:
    """Return a trace once its spans have come in, that of the gateway, which `first` begot, and all that follow."""
    deadline, count, since = time.monotonic() + PATIENCE_S, 0, time.monotonic()
    trace: dict[str, Any] | None = None
    while time.monotonic() < deadline and not (trace and trace["parent"] == first and _is_quiet(since)):
        latest = _ask(url, missing_is_fine=True)
        if latest and latest["spans"] != count:
            trace, count, since = latest, latest["spans"], time.monotonic()
        time.sleep(0.1)
    if trace is None:
        raise MeshError(f"no span of this request came in within {PATIENCE_S:.0f} s: is the gateway's sampling off?")
    return trace


def _is_quiet(since: float) -> bool:
    """Tell whether nothing came for long enough: nobody says which span is the last."""
    return time.monotonic() - since > QUIET_S


def _ask(url: str, *, missing_is_fine: bool = False) -> Any:
    try:
        with _DIRECT.open(url, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            if missing_is_fine and error.code == 404:  # noqa: PLR2004 -- not there yet
                return None
            answer_text = error.read().decode(errors="replace")
        raise MeshError(_reason(answer_text)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise MeshError(f"{url}: {error}; kubectl get pods -n istio-system shows whether jaeger runs") from error


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text
