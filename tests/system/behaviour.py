"""What Envoy does with what Istio says, one line each: a rule, a request, what comes of it.

Each row is a VirtualService of its own, for a host of its own, behind one Gateway; answers name in headers what the
proxy saw (Envoy's command operators), so that nothing but HTTP is needed to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Rule = dict[str, Any]

CATALOG = "catalog.istioinaction.svc.cluster.local"
GATEWAY = "istio-ingressgateway.istio-system.svc.cluster.local"
YES: Rule = {"directResponse": {"status": 200, "body": {"string": "yes"}}}
NO: Rule = {"directResponse": {"status": 418, "body": {"string": "no"}}}
SEEN = {
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "path": "%REQ(:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "flags": "%RESPONSE_FLAGS%",
    "set": "%REQ(X-SET)%",
    "added": "%REQ(X-ADDED)%",
    "gone": "%REQ(X-GONE)%",
}
"""What each answer says in its header `x-seen-NAME`; none for what is not there, but `-` for no flags."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    rules: list[Rule]
    status: int
    path: str = "/"
    method: str = "GET"
    sent: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the answer's headers have to be; "" for one that must not be there."""

    body: str | None = None


def to(host: str = CATALOG, subset: str = "", **more: Any) -> Rule:
    """Return a rule with one destination."""
    return {"route": [{"destination": {"host": host, **({"subset": subset} if subset else {})}}], **more}


def again(name: str, **more: Any) -> Rule:
    """Return a rule that sends the request through the gateway once more, to another row's host."""
    rule = to(GATEWAY, rewrite={"authority": f"{name}.behaviour.example"}, **more)
    rule["route"][0]["destination"]["port"] = {"number": 80}
    return rule


def _match(title: str, match: Rule, path: str = "/", *, hit: bool, method: str = "GET", **sent: str) -> Row:
    named = {name.replace("_", "-"): value for name, value in sent.items()}
    return Row(title, [{"match": [match], **YES}, NO], 200 if hit else 418, path, method, named)


MATCHES = (
    _match("an exact path is met", {"uri": {"exact": "/a"}}, "/a", hit=True),
    _match("an exact path is not its subpath", {"uri": {"exact": "/a"}}, "/a/b", hit=False),
    _match("a path's query does not count", {"uri": {"exact": "/a"}}, "/a?b=c", hit=True),
    _match("a prefix is plain text", {"uri": {"prefix": "/pre"}}, "/prefixed", hit=True),
    _match("a prefix with a slash wants it", {"uri": {"prefix": "/pre/"}}, "/pre", hit=False),
    _match("a path has capitals", {"uri": {"exact": "/a"}}, "/A", hit=False),
    _match("capitals may be ignored", {"uri": {"exact": "/a"}, "ignoreUriCase": True}, "/A", hit=True),
    _match("capitals of a prefix too", {"uri": {"prefix": "/a"}, "ignoreUriCase": True}, "/AB", hit=True),
    _match("a regex takes the whole path", {"uri": {"regex": "/[a-z]+"}}, "/abc", hit=True),
    _match("a regex takes no part of a path", {"uri": {"regex": "/[a-z]+"}}, "/abc/1", hit=False),
    _match("a regex does not see the query", {"uri": {"regex": "/[a-z]+"}}, "/abc?1", hit=True),
    _match("a header is exact", {"headers": {"x-user": {"exact": "jason"}}}, hit=True, x_user="jason"),
    _match("another value is another", {"headers": {"x-user": {"exact": "jason"}}}, hit=False, x_user="Jason"),
    _match("a missing header is none", {"headers": {"x-user": {"exact": "jason"}}}, hit=False),
    _match("a header has a prefix", {"headers": {"x-user": {"prefix": "ja"}}}, hit=True, x_user="jason"),
    _match("a header's regex is whole", {"headers": {"x-user": {"regex": "ja"}}}, hit=False, x_user="jason"),
    _match("a header's regex is met", {"headers": {"x-user": {"regex": "ja.*"}}}, hit=True, x_user="jason"),
    _match("a header need only be there", {"headers": {"x-user": {}}}, hit=True, x_user="anyone"),
    _match("a header that is not there", {"headers": {"x-user": {}}}, hit=False),
    _match("headers' names have no capitals", {"headers": {"X-User": {"exact": "a"}}}, hit=True, x_user="a"),
    _match("both headers have to be met", {"headers": {"x-a": {}, "x-b": {}}}, hit=False, x_a="1"),
    _match("both headers are met", {"headers": {"x-a": {}, "x-b": {}}}, hit=True, x_a="1", x_b="2"),
    _match("without a header", {"withoutHeaders": {"x-user": {}}}, hit=True),
    _match("without one that is there", {"withoutHeaders": {"x-user": {}}}, hit=False, x_user="a"),
    _match("without a value", {"withoutHeaders": {"x-user": {"exact": "a"}}}, hit=True, x_user="b"),
    _match("without a value, header missing", {"withoutHeaders": {"x-user": {"exact": "a"}}}, hit=True),
    _match("without the very value", {"withoutHeaders": {"x-user": {"exact": "a"}}}, hit=False, x_user="a"),
    _match("a method", {"method": {"exact": "POST"}}, hit=True, method="POST"),
    _match("another method", {"method": {"exact": "POST"}}, hit=False),
    _match("a method's regex", {"method": {"regex": "PUT|DELETE"}}, hit=True, method="DELETE"),
    _match("a parameter", {"queryParams": {"q": {"exact": "1"}}}, "/?q=1", hit=True),
    _match("a parameter among others", {"queryParams": {"q": {"exact": "1"}}}, "/?p=0&q=1", hit=True),
    _match("another parameter's value", {"queryParams": {"q": {"exact": "1"}}}, "/?q=2", hit=False),
    _match("a parameter's regex", {"queryParams": {"q": {"regex": "[0-9]+"}}}, "/?q=42", hit=True),
    _match("a parameter need only be there", {"queryParams": {"q": {}}}, "/?q", hit=True),
    _match("a scheme", {"scheme": {"exact": "http"}}, hit=True),
    _match("another scheme", {"scheme": {"exact": "https"}}, hit=False),
    _match("an authority's part", {"authority": {"regex": ".*\\.behaviour\\.example(:[0-9]+)?"}}, hit=True),
    _match("another authority", {"authority": {"exact": "elsewhere.example"}}, hit=False),
    _match("the server's port", {"port": 80}, hit=True),
    _match("another port", {"port": 8080}, hit=False),
    _match("this gateway", {"gateways": ["behaviour"]}, hit=True),
    _match("the sidecars alone", {"gateways": ["mesh"]}, hit=False),
    _match("the caller's labels: a gateway's", {"sourceLabels": {"istio": "ingressgateway"}}, hit=True),
    _match("the caller's labels: another's", {"sourceLabels": {"app": "webapp"}}, hit=False),
    _match("the caller's namespace", {"sourceNamespace": "istio-system"}, hit=True),
    _match("another namespace", {"sourceNamespace": "istioinaction"}, hit=False),
)

_ONLY_A = [{"match": [{"uri": {"exact": "/a"}}], **YES}]
_ALWAYS = {"percentage": {"value": 100}}
_ABORT = {"abort": {"httpStatus": 555, **_ALWAYS}}


def _redirect(title: str, status: int, location: str, path: str = "/a?q=1", **redirect: Any) -> Row:
    return Row(title, [{"redirect": redirect}], status, path, headers={"location": location})


ACTIONS = (
    Row("a path that no rule takes", _ONLY_A, 404, "/b", body=""),
    Row("the first rule that is met counts", [YES, NO], 200),
    Row("a later rule has its turn", [{"match": [{"uri": {"prefix": "/a"}}], **NO}, YES], 200, "/b"),
    Row("one of several matches", [{"match": [{"uri": {"exact": "/a"}}, {"uri": {"exact": "/b"}}], **YES}], 200, "/b"),
    Row("what a match asks is all needed", [{"match": [{"uri": {"exact": "/"}, "port": 1}], **YES}, NO], 418),
    Row("an answer without a body", [{"directResponse": {"status": 503}}], 503, body=""),
    Row("an answer's bytes", [{"directResponse": {"status": 200, "body": {"bytes": "aGVsbG8="}}}], 200, body="hello"),
    _redirect("a redirect to a path keeps the query", 301, "http://{host}/new?q=1", uri="/new"),
    _redirect("a redirect to a host keeps the path", 301, "http://other.example/a?q=1", authority="other.example"),
    _redirect("a redirect to a scheme", 301, "https://{host}/a?q=1", scheme="https"),
    _redirect("a redirect to a port", 301, "http://{host}:8443/a?q=1", port=8443),
    _redirect("a redirect with 302", 302, "http://{host}/new?q=1", uri="/new", redirectCode=302),
    _redirect("a redirect with 303", 303, "http://{host}/new?q=1", uri="/new", redirectCode=303),
    _redirect("a redirect with 307", 307, "http://{host}/new?q=1", uri="/new", redirectCode=307),
    _redirect("a redirect with 308", 308, "http://{host}/new?q=1", uri="/new", redirectCode=308),
    Row("an abort answers by itself", [to(fault=_ABORT)], 555, body="fault filter abort",
        headers={"x-seen-flags": "FI"}),
    Row("an abort without a share never comes", [to(fault={"abort": {"httpStatus": 555}})], 200, "/items"),
    Row("an abort of no request", [to(fault={"abort": {"httpStatus": 555, "percentage": {"value": 0}}})], 200,
        "/items"),
    Row("a delay comes before the answer", [to(fault={"delay": {"fixedDelay": "0.01s", **_ALWAYS}})], 200, "/items",
        headers={"x-seen-flags": "DI"}),
    Row("a delay is no part of the timeout", [to(timeout="5s", fault={"delay": {"fixedDelay": "5.5s", **_ALWAYS}})],
        200, "/items", headers={"x-seen-flags": "DI"}),
    Row("an abort is not retried", [to(fault=_ABORT, retries={"attempts": 3, "retryOn": "5xx"})], 555,
        headers={"x-seen-flags": "FI"}),
    Row("a prefix is replaced", [to(match=[{"uri": {"prefix": "/shop"}}], rewrite={"uri": "/items"})], 200, "/shop",
        headers={"x-seen-path": "/items"}),
    Row("what follows the prefix stays", [to(match=[{"uri": {"prefix": "/shop"}}], rewrite={"uri": "/items"})], 200,
        "/shop/1?q=2", headers={"x-seen-path": "/items/1?q=2"}),
    Row("a regex replaces its groups", [to(rewrite={"uriRegexRewrite": {"match": "^/v1/(.*)$", "rewrite": r"/\1"}})],
        200, "/v1/items", headers={"x-seen-path": "/items"}),
    Row("the authority is another", [to(rewrite={"authority": "inner.example"})], 200, "/items",
        headers={"x-seen-authority": "inner.example"}),
    Row("the authority by a header", [to(headers={"request": {"set": {"Host": "inner.example"}}})], 200, "/items",
        headers={"x-seen-authority": "inner.example"}),
    Row("a request's header is set", [to(headers={"request": {"set": {"x-set": "new"}}})], 200, "/items",
        sent={"x-set": "old"}, headers={"x-seen-set": "new"}),
    Row("a request's header is added", [to(headers={"request": {"add": {"x-added": "new"}}})], 200, "/items",
        headers={"x-seen-added": "new"}),
    Row("a request's header is removed", [to(headers={"request": {"remove": ["x-gone"]}})], 200, "/items",
        sent={"x-gone": "here"}, headers={"x-seen-gone": ""}),
    Row("a response's header is set", [{**YES, "headers": {"response": {"set": {"x-mine": "1"}}}}], 200,
        headers={"x-mine": "1"}),
    Row("a response's header is removed", [to(headers={"response": {"remove": ["content-type"]}})], 200, "/items",
        headers={"content-type": ""}),
    Row("a route to a Service", [to()], 200, "/items", headers={"x-seen-cluster": f"outbound|80||{CATALOG}"}),
    Row("a route to a subset", [to(subset="version-v1")], 200, "/items",
        headers={"x-seen-cluster": f"outbound|80|version-v1|{CATALOG}"}),
    Row("a host that nobody knows", [to("nowhere.example")], 503, body="", headers={"x-seen-flags": "NC"}),
    Row("a subset that nobody defines", [to(subset="v9")], 503, body="", headers={"x-seen-flags": "NC"}),
    Row("a subset without pods", [to(subset="version-none")], 503, body="no healthy upstream",
        headers={"x-seen-flags": "UH"}),
    Row("a single destination's weight means nothing", [{"route": [{**to()["route"][0], "weight": 0}]}], 200, "/items"),
    Row("a share of none is none", [{"route": [{**to()["route"][0], "weight": 100},
        {**to("nowhere.example")["route"][0], "weight": 0}]}], 200, "/items"),
    Row("a route's timeout", [again("slow", timeout="0.2s")], 504, body="upstream request timeout",
        headers={"x-seen-flags": "UT"}),
    Row("a try's timeout, tried again", [again("slow", retries={"attempts": 1, "perTryTimeout": "0.1s",
        "retryOn": "gateway-error"})], 504, headers={"x-seen-flags": "URX,UT"}),
    Row("503 is tried again when asked for", [again("broken", retries={"attempts": 2, "retryOn": "503"})], 503,
        headers={"x-seen-flags": "URX"}),
    Row("503 is not tried again by default", [again("broken")], 503, headers={"x-seen-flags": "-"}),
    Row("no retries at all", [again("broken", retries={"attempts": 0})], 503, headers={"x-seen-flags": "-"}),
    Row("a preflight is answered", [{**to(), "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}],
        "allowMethods": ["GET", "PUT"], "maxAge": "60s"}}], 200, "/items", "OPTIONS",
        {"origin": "https://a.example", "access-control-request-method": "PUT"},
        {"access-control-allow-origin": "https://a.example", "access-control-allow-methods": "GET,PUT",
         "access-control-max-age": "60"}),
    Row("an origin is told that it may read", [{**to(), "corsPolicy": {"allowOrigins": [{"prefix": "https://"}],
        "allowCredentials": True}}], 200, "/items", "GET", {"origin": "https://b.example"},
        {"access-control-allow-origin": "https://b.example", "access-control-allow-credentials": "true"}),
    Row("a stranger's origin is told nothing", [{**to(), "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}]}}],
        200, "/items", "GET", {"origin": "https://b.example"}, {"access-control-allow-origin": ""}),
    Row("a mirror does not change the answer", [to(mirror={"host": "nowhere.example"})], 200, "/items"),
    Row("mirrors that are there do not either", [to(mirrors=[{"destination": {"host": CATALOG}}])], 200, "/items"),
)  # fmt: skip

ROWS = (*MATCHES, *ACTIONS)

HELPERS: Mapping[str, list[Rule]] = {
    "slow": [to(fault={"delay": {"fixedDelay": "3s", **_ALWAYS}})],
    "broken": [to(fault={"abort": {"httpStatus": 503, **_ALWAYS}})],
    "half": [to(fault={"abort": {"httpStatus": 555, "percentage": {"value": 50}}})],
    "tenth": [to(fault={"abort": {"httpStatus": 555, "percentage": {"value": 10}}})],
    "ninety-ten": [
        {"route": [{**to()["route"][0], "weight": 90}, {**to("nowhere.example")["route"][0], "weight": 10}]}
    ],
}
"""Hosts that rows send to, and those whose shares are counted."""
