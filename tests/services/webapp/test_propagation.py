"""What catalog receives when webapp is sent these headers, seen on a real socket."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx
import pytest
from opentelemetry import propagate
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id

from services.chassis.exporting import install_propagator, recording
from services.chassis.forwarding import MAX_TOTAL_BYTES, MAX_VALUE_BYTES, forwarded
from services.chassis.telemetry import Telemetry
from services.webapp.app import create_app
from services.webapp.propagation import goes_on
from services.webapp.settings import Settings
from tests.services.asgi import client_of
from tests.services.processes import running
from tests.services.recorder import recorder

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
W3C = [
    ("traceparent", f"00-{TRACE}-{SPAN}-01"),
    ("tracestate", "vendor=a:b,other=1"),
    ("baggage", "user=1;secret=no,tier=gold"),
]
B3_SINGLE = [("b3", f"{TRACE}-{SPAN}-1-{PARENT}")]
B3_MULTI = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-parentspanid", PARENT), ("x-b3-sampled", "1")]
REST = [("x-request-id", "42"), ("x-dark-launch", "v2"), ("authorization", "Bearer t"), ("x-b3-flags", "1")]
ADDED_BY_WEBAPP = {"host", "user-agent"}


@pytest.fixture(autouse=True)
def propagator() -> Iterator[None]:
    before = propagate.get_global_textmap()
    install_propagator(Settings())
    yield
    propagate.set_global_textmap(before)


async def received(sent: Sequence[tuple[str, str]], telemetry: Telemetry | None = None) -> dict[str, str]:
    """The headers that catalog gets, none of them twice, less what webapp always sends."""
    async with recorder() as catalog:
        settings = Settings(catalog_service_host="127.0.0.1", catalog_service_port=catalog.port)
        async with client_of(create_app(settings, telemetry=telemetry or Telemetry())) as client:
            headers = [(name.encode(), value.encode("latin-1")) for name, value in sent]
            assert (await client.get("/api/catalog", headers=headers)).status_code == 200
        got = catalog.headers()
    repeated = {name for name, times in Counter(name for name, _ in got).items() if times > 1}
    assert not repeated
    return {name: value for name, value in got if name not in ADDED_BY_WEBAPP}


@pytest.mark.parametrize("trace", [W3C, B3_SINGLE, B3_MULTI, W3C + B3_SINGLE + B3_MULTI])
async def test_a_callers_headers_reach_catalog_as_they_came(trace: list[tuple[str, str]]) -> None:
    assert await received(trace + REST) == dict(trace + REST)


async def test_a_deferred_sampling_decision_stays_deferred() -> None:
    deferred = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)]
    assert await received(deferred) == dict(deferred)


async def test_headers_about_one_hop_end_here() -> None:
    hop = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("x-envoy-attempt-count", "1")]
    others = [("cookie", "a=b"), ("te", "trailers"), ("connection", "x-dark-launch"), ("accept-language", "de")]
    assert await received([*hop, *others, *W3C]) == dict(W3C)


async def test_the_first_value_of_a_repeated_header_goes_on() -> None:
    sent = [("x-dark-launch", "v2"), ("X-Dark-Launch", "v1"), ("Authorization", "first"), ("authorization", "second")]
    got = await received([*sent, *W3C])
    assert (got["x-dark-launch"], got["authorization"]) == ("v2", "first")


async def test_a_request_that_nobody_traces_is_given_one_unsampled_trace() -> None:
    got = await received([])
    assert set(got) == {"traceparent"}
    assert got["traceparent"].endswith("-00")


@pytest.mark.parametrize(
    ("trace", "forms"),
    [
        (W3C, {"traceparent"}),
        (B3_SINGLE, {"traceparent", "b3"}),
        (B3_MULTI, {"traceparent", "x-b3-spanid"}),
        (W3C + B3_SINGLE + B3_MULTI, {"traceparent", "b3", "x-b3-spanid"}),
        ([], {"traceparent"}),
    ],
)
async def test_a_recorded_span_is_catalogs_parent_in_every_form_that_the_caller_speaks(
    trace: list[tuple[str, str]], forms: set[str]
) -> None:
    exporter = InMemorySpanExporter()
    got = await received(trace + REST, recording(SimpleSpanProcessor(exporter)))
    spans = {span.kind: span for span in exporter.get_finished_spans()}
    client, server = spans[SpanKind.CLIENT].context, spans[SpanKind.SERVER].context
    assert client is not None
    assert server is not None
    assert {name for name in ("traceparent", "b3", "x-b3-spanid") if name in got} == forms
    for form in forms:
        assert format_span_id(client.span_id) in got[form]
    if "x-b3-spanid" in forms:
        assert got["x-b3-parentspanid"] == format_span_id(server.span_id)
    sent = dict(trace + REST)
    as_they_came = sent.keys() & {"tracestate", "baggage", *dict(REST)}
    assert {name: got[name] for name in as_they_came} == {name: sent[name] for name in as_they_came}


@pytest.mark.parametrize(
    "value",
    [b"a\r\nx-evil: 1", b"a\nb", b"a\rb", b"a\x00b", b" a", b"a ", b"\ta", b"", b"\x7f", b"x" * (MAX_VALUE_BYTES + 1)],
)
def test_a_value_that_could_break_the_next_request_stays_behind(value: bytes) -> None:
    assert forwarded([(b"x-value", value), (b"x-other", b"1")], goes_on) == [(b"x-other", b"1")]


@pytest.mark.parametrize("name", [b"x-a b", b"x-a:b", b"x-a\r\nb", "x-ä".encode(), b"x-" + b"a" * 300])
def test_a_name_that_is_none_stays_behind(name: bytes) -> None:
    assert forwarded([(name, b"1")], goes_on) == []


def test_a_value_and_all_of_them_may_be_as_long_as_that() -> None:
    longest = (b"x-a", b"v" * MAX_VALUE_BYTES)
    rest = [(b"x-%d" % number, b"v" * (MAX_VALUE_BYTES - 4)) for number in range(3)]
    assert sum(len(name) + len(value) for name, value in (longest, *rest)) == MAX_TOTAL_BYTES
    assert forwarded([longest, *rest], goes_on) == [longest, *rest]


def test_too_many_headers_are_cut_off_below_what_envoy_takes() -> None:
    many = forwarded([(b"x-%d" % number, b"v" * 1000) for number in range(1000)], goes_on)
    assert 0 < sum(len(name) + len(value) for name, value in many) <= MAX_TOTAL_BYTES


async def test_bytes_beyond_ascii_reach_catalog_as_they_came() -> None:
    assert (await received([("x-name", "J\xfcrgen \xff")]))["x-name"] == "J\xfcrgen \xff"


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_a_header_holds_catalog_gets_one_sound_request(seed: int) -> None:
    rng = random.Random(seed)
    names = [b"x-a", b"X-B", b"x-c", b"baggage", b"traceparent", b"b3", b"authorization", b"x-b3-traceid"]
    sent = [(rng.choice(names), rng.randbytes(rng.randrange(40))) for _ in range(12)]
    async with recorder() as catalog:
        settings = Settings(catalog_service_host="127.0.0.1", catalog_service_port=catalog.port)
        async with client_of(create_app(settings)) as client:
            assert (await client.get("/api/catalog", headers=sent)).status_code == 200
        got = Counter(name for name, _ in catalog.headers())
    assert set(got) <= {name.decode().lower() for name in names} | {"x-b3-spanid", "x-b3-sampled"} | ADDED_BY_WEBAPP
    assert set(got.values()) == {1}


@pytest.mark.process
async def test_duplicates_and_hostile_bytes_on_the_wire_end_in_one_sound_request() -> None:
    """Through webapp's own server: what its parser refuses is a 400, and catalog hears of nothing."""
    async with recorder() as catalog:
        where = {"CATALOG_SERVICE_HOST": "127.0.0.1", "CATALOG_SERVICE_PORT": str(catalog.port)}
        with running("webapp", **where) as webapp:
            zero, raw_byte = b"GET /api/catalog HTTP/1.1\r\nx-a: 1\x00", b"GET /api/catalog?q=\xff HTTP/1.1"
            for refused in (zero, raw_byte):
                assert (await answer_to(webapp.port, refused + b"\r\nhost: w\r\n\r\n")).startswith(b"HTTP/1.1 400")
            assert catalog.heads == []
            twice = b"x-a: 1\r\nX-A: 2\r\nx-u: \xc3\xa9\r\n"
            request = b"GET /api/catalog HTTP/1.1\r\nhost: w\r\nconnection: close\r\n" + twice + b"\r\n"
            assert (await answer_to(webapp.port, request)).startswith(b"HTTP/1.1 200")
        got = dict(catalog.headers())
    assert (got["x-a"], got["x-u"]) == ("1", "\xc3\xa9")


async def answer_to(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.process
async def test_calls_cross_the_proxy_that_http_proxy_names() -> None:
    """As on a mesh without redirection: the sidecar gets the whole URL, with catalog's name in it."""
    async with recorder() as sidecar:
        proxy = f"http://127.0.0.1:{sidecar.port}"
        where = {"CATALOG_SERVICE_HOST": "catalog.istioinaction", "CATALOG_SERVICE_PORT": "80"}
        with running("webapp", HTTP_PROXY=proxy, http_proxy=proxy, **where) as webapp:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{webapp.url}/api/catalog", headers={"x-dark-launch": "v2"})
        assert answer.status_code == 200
        assert sidecar.request_line() == "GET http://catalog.istioinaction/items HTTP/1.1"
        headers = dict(sidecar.headers())
    assert (headers["host"], headers["x-dark-launch"]) == ("catalog.istioinaction", "v2")
