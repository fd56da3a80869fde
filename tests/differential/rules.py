"""One rule of a VirtualService by chance: every match, action and policy that istiod takes."""

from collections.abc import Callable
from random import Random
from typing import Any

Object = dict[str, Any]

DESTINATIONS = ("s", "t", "u", "s.a.svc.cluster.local", "t.b.svc.cluster.local", "s.a", "nowhere.example", "alias")
PATHS = ("/", "/api", "/api/", "/items/1", "/API")
REGEXES = ("/a.*", ".*", "[a-z]+/[0-9]+", "^/api$", "a|b")
HEADERS = ("x-user", "X-Group", "cookie", "accept", "end-user")
DURATIONS = ("1s", "250ms", "1m", "1h", "1.5s", "15ms", "0.001s")
AUTHORITIES = ("x-set", "x-a", "x-a", "Host", ":authority")
RETRY_ON = ("5xx", "gateway-error,connect-failure", "503,429", "reset,503", "retriable-4xx", "", "unavailable,504,404")


def maybe(random: Random, target: Object, key: str, value: Callable[[], Any], chance: float = 0.15) -> None:
    """Set a key now and then."""
    if random.random() < chance:
        target[key] = value()


def http_rule(random: Random) -> Object:
    """Return one entry of `http`."""
    rule: Object = {}
    maybe(random, rule, "name", lambda: random.choice(("first", "second")))
    maybe(random, rule, "match", lambda: [_match(random) for _ in range(random.choice((1, 1, 2)))], 0.7)
    kind = random.random()
    if kind < 0.12:
        rule["redirect"] = _redirect(random)
    elif kind < 0.22:
        rule["directResponse"] = _direct_response(random)
    else:
        rule["route"] = _route(random)
        _policies(random, rule)
    maybe(random, rule, "headers", lambda: _headers(random))
    maybe(random, rule, "corsPolicy", lambda: _cors(random))
    return rule


def _policies(random: Random, rule: Object) -> None:
    maybe(random, rule, "timeout", lambda: random.choice(DURATIONS), 0.2)
    maybe(random, rule, "retries", lambda: _retries(random), 0.25)
    maybe(random, rule, "fault", lambda: _fault(random), 0.2)
    maybe(random, rule, "rewrite", lambda: _rewrite(random), 0.2)
    maybe(random, rule, "mirror", lambda: _destination(random), 0.1)
    if "mirror" in rule:
        maybe(random, rule, "mirrorPercentage", lambda: _percent(random), 0.6)
    else:
        maybe(random, rule, "mirrors", lambda: [_mirror(random) for _ in range(random.randint(1, 2))], 0.1)


def _string(random: Random, values: tuple[str, ...]) -> Object:
    kind = random.choice(("exact", "prefix", "regex"))
    return {kind: random.choice(REGEXES if kind == "regex" else values)}


def _words(random: Random) -> Object:
    return random.choice(({}, _string(random, ("jason", "JSON", "x"))))


def _match(random: Random) -> Object:
    match: Object = {}
    maybe(random, match, "name", lambda: "m")
    maybe(random, match, "uri", lambda: _string(random, PATHS), 0.6)
    maybe(random, match, "ignoreUriCase", lambda: random.random() < 0.8)
    headers = random.sample(HEADERS, 2)
    maybe(random, match, "headers", lambda: {name: _words(random) for name in headers[: random.randint(1, 2)]}, 0.3)
    maybe(random, match, "withoutHeaders", lambda: {random.choice(HEADERS): _words(random)})
    maybe(random, match, "method", lambda: _string(random, ("GET", "POST", "get")))
    maybe(random, match, "authority", lambda: _string(random, ("shop.example", "s", "s.a:80")))
    maybe(random, match, "scheme", lambda: _string(random, ("http", "https")), 0.07)
    maybe(random, match, "queryParams", lambda: {name: _words(random) for name in ("q", "p")[: random.randint(1, 2)]})
    maybe(random, match, "port", lambda: random.choice((80, 8080, 8000)), 0.1)
    maybe(random, match, "gateways", lambda: random.choice((["mesh"], ["gw"], ["a/gw", "mesh"])), 0.1)
    maybe(random, match, "sourceLabels", lambda: {"app": random.choice(("s", "t"))}, 0.1)
    maybe(random, match, "sourceNamespace", lambda: random.choice(("a", "b")), 0.1)
    maybe(random, match, "statPrefix", lambda: "stat", 0.05)
    return match


def _destination(random: Random) -> Object:
    destination: Object = {"host": random.choice(DESTINATIONS)}
    maybe(random, destination, "subset", lambda: random.choice(("v1", "v2", "v9")), 0.3)
    maybe(random, destination, "port", lambda: {"number": random.choice((80, 8080, 8000, 7070))}, 0.3)
    return destination


def _route(random: Random) -> list[Object]:
    count = random.choice((1, 1, 1, 2, 3))
    shares: list[Object] = [{"destination": _destination(random)} for _ in range(count)]
    for share in shares:
        maybe(random, share, "weight", lambda: random.choice((0, 1, 1, 50, 90, 100)), 0.9 if count > 1 else 0.1)
        maybe(random, share, "headers", lambda: _headers(random), 0.12)
    return shares


def _headers(random: Random) -> Object:
    operations: Object = {}
    for side in random.choice((("request",), ("response",), ("request", "response"))):
        one: Object = {}
        names = AUTHORITIES if side == "request" else ("x-set", "x-a")
        maybe(random, one, "set", lambda names=names: {random.choice(names): "value"}, 0.5)
        maybe(
            random,
            one,
            "add",
            lambda: {"x-add": random.choice(("1", "2", "%REQ(x)%", "%REQ(x)%", "50%%")), "x-b": ""},
            0.5,
        )
        maybe(random, one, "remove", lambda: random.sample(("x-gone", "server", "X-Old"), 2), 0.4)
        operations[side] = one
    return operations


def _percent(random: Random) -> Object:
    return {"value": random.choice((0, 0.0001, 0.1, 1, 12.5, 33.333, 50, 100))}


def _mirror(random: Random) -> Object:
    mirror: Object = {"destination": _destination(random)}
    maybe(random, mirror, "percentage", lambda: _percent(random), 0.6)
    return mirror


def _fault(random: Random) -> Object:
    fault: Object = {}
    abort: Object = {"httpStatus": random.choice((200, 404, 500, 503, 555))}
    maybe(random, abort, "percentage", lambda: _percent(random), 0.8)
    delay: Object = {"fixedDelay": random.choice(DURATIONS)}
    maybe(random, delay, "percentage", lambda: _percent(random), 0.8)
    maybe(random, delay, "percent", lambda: random.choice((0, 30, 100)), 0.1)
    maybe(random, fault, "abort", lambda: abort, 0.6)
    maybe(random, fault, "delay", lambda: delay, 0.6)
    if not fault:
        fault["abort"] = {"grpcStatus": random.choice(("UNAVAILABLE", "NOT_FOUND")), "percentage": _percent(random)}
    return fault


def _retries(random: Random) -> Object:
    retries: Object = {"attempts": random.choice((1, 2, 3, 5))}
    maybe(random, retries, "perTryTimeout", lambda: random.choice(DURATIONS), 0.4)
    maybe(random, retries, "retryOn", lambda: random.choice(RETRY_ON), 0.5)
    maybe(random, retries, "backoff", lambda: random.choice(DURATIONS), 0.2)
    maybe(random, retries, "retryIgnorePreviousHosts", lambda: random.random() < 0.5, 0.2)
    maybe(random, retries, "retryRemoteLocalities", lambda: random.random() < 0.5, 0.2)
    return random.choice((retries, retries, retries, {"attempts": 0}, {}))


def _rewrite(random: Random) -> Object:
    rewrite: Object = {}
    maybe(random, rewrite, "authority", lambda: "other.example", 0.4)
    kind = random.random()
    if kind < 0.4 or (kind < 0.7 and "authority" not in rewrite):
        rewrite["uri"] = random.choice(("/", "/new", "/new/"))
    elif "authority" not in rewrite or kind < 0.8:
        rewrite["uriRegexRewrite"] = {"match": random.choice(("^/a(.*)", "(x)(y)")), "rewrite": r"/b\1"}
    return rewrite


def _redirect(random: Random) -> Object:
    redirect: Object = {}
    maybe(random, redirect, "uri", lambda: random.choice(("/new", "/")), 0.6)
    if "uri" not in redirect:
        maybe(random, redirect, "prefixRewrite", lambda: "/moved", 0.2)
    maybe(random, redirect, "authority", lambda: "elsewhere.example", 0.5)
    maybe(random, redirect, "scheme", lambda: random.choice(("http", "https")), 0.3)
    maybe(random, redirect, "redirectCode", lambda: random.choice((301, 302, 303, 307, 308)), 0.4)
    port = random.choice(("port", "derivePort", "", "", ""))
    if port == "port":
        redirect["port"] = random.choice((80, 8443))
    if port == "derivePort":
        redirect["derivePort"] = random.choice(("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"))
    return redirect or {"uri": "/only"}


def _direct_response(random: Random) -> Object:
    response: Object = {"status": random.choice((200, 204, 404, 503))}
    maybe(
        random,
        response,
        "body",
        lambda: random.choice(({"string": "hello"}, {"bytes": "aGVsbG8="}, {"string": ""})),
        0.7,
    )
    return response


def _cors(random: Random) -> Object:
    cors: Object = {}
    maybe(random, cors, "allowOrigins", lambda: [_string(random, ("https://a.example", "*"))], 0.8)
    maybe(random, cors, "allowMethods", lambda: random.sample(("GET", "POST", "PUT"), 2), 0.6)
    maybe(random, cors, "allowHeaders", lambda: ["x-one", "x-two"], 0.5)
    maybe(random, cors, "exposeHeaders", lambda: ["x-shown"], 0.4)
    maybe(random, cors, "maxAge", lambda: random.choice(("24h", "1m")), 0.4)
    maybe(random, cors, "allowCredentials", lambda: random.random() < 0.5, 0.4)
    maybe(random, cors, "unmatchedPreflights", lambda: random.choice(("FORWARD", "IGNORE")), 0.3)
    return cors
