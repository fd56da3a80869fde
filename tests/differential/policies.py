"""Traffic policies by chance: connection pools, load balancers, outlier detection, budgets, ports of their own."""

from random import Random
from typing import Any

from tests.differential.rules import maybe

Object = dict[str, Any]

PORT_NUMBERS = (80, 8000, 7070, 8080, 9000, 8088)
COUNTS = (0, 1, 7, 100)
IDLE = ("9s", "5m")
COOKIE_FIELDS = ({}, {"ttl": "0s"}, {"ttl": "5s", "path": "/", "attributes": [{"name": "SameSite", "value": "Lax"}]})


def traffic_policy(random: Random) -> Object:
    """Return a policy for all ports, of a whole DestinationRule or of a subset."""
    policy = _policy(random)
    maybe(random, policy, "retryBudget", lambda: _retry_budget(random), 0.2)
    maybe(random, policy, "portLevelSettings", lambda: _port_level(random), 0.25)
    return policy or {"tls": {"mode": "DISABLE"}}


def _policy(random: Random) -> Object:
    policy: Object = {}
    maybe(random, policy, "connectionPool", lambda: _connection_pool(random), 0.5)
    maybe(random, policy, "loadBalancer", lambda: _load_balancer(random), 0.5)
    maybe(random, policy, "outlierDetection", lambda: _outlier_detection(random), 0.4)
    return policy


def _port_level(random: Random) -> list[Object]:
    numbers = random.sample(PORT_NUMBERS, random.randint(1, 2))
    return [{"port": {"number": number}} | (_policy(random) or {"tls": {"mode": "DISABLE"}}) for number in numbers]


def _retry_budget(random: Random) -> Object:
    return random.choice(({}, {"percent": 0}, {"percent": 30, "minRetryConcurrency": 1, "budgetInterval": "0s"}))


def _connection_pool(random: Random) -> Object:
    pool: Object = {}
    maybe(random, pool, "http", lambda: _http(random), 0.7)
    maybe(random, pool, "tcp", lambda: _tcp(random), 0.5)
    return pool or {"tcp": {"maxConnections": 1}}


def _http(random: Random) -> Object:
    http: Object = {}
    for name in ("http1MaxPendingRequests", "http2MaxRequests", "maxRetries", "maxRequestsPerConnection"):
        maybe(random, http, name, lambda: random.choice(COUNTS), 0.3)
    maybe(random, http, "maxConcurrentStreams", lambda: random.choice(COUNTS), 0.2)
    maybe(random, http, "idleTimeout", lambda: random.choice(IDLE), 0.2)
    maybe(random, http, "http2KeepAlive", lambda: {"interval": "5s", "timeout": "1s"}, 0.15)
    way = random.random()
    if way < 0.2:
        http["h2UpgradePolicy"] = random.choice(("UPGRADE", "DO_NOT_UPGRADE", "DEFAULT"))
    elif way < 0.3:
        http["useClientProtocol"] = random.random() < 0.8
    return http


def _tcp(random: Random) -> Object:
    tcp: Object = {}
    maybe(random, tcp, "idleTimeout", lambda: random.choice(("0s", *IDLE)), 0.3)
    keepalive = ({}, {"probes": 3}, {"time": "1500ms", "interval": "9s"})
    maybe(random, tcp, "tcpKeepalive", lambda: random.choice(keepalive), 0.3)
    maybe(random, tcp, "maxConnections", lambda: random.choice(COUNTS), 0.3)
    maybe(random, tcp, "maxConnectionDuration", lambda: "1h", 0.3)
    maybe(random, tcp, "connectTimeout", lambda: random.choice(("1s", "30ms")), 0.3)
    return tcp


def _load_balancer(random: Random) -> Object:
    balancer: Object = {}
    if random.random() < 0.3:
        settings: Object = random.choice(({}, {"aggression": 2}, {"minimumPercent": 0}, {"aggression": 0.5}))
        balancer["warmup"] = {"duration": "3s"} | settings
    else:
        maybe(random, balancer, "warmupDurationSecs", lambda: "4s", 0.15)
    if random.random() < 0.5:
        simple = ("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")
        balancer["simple"] = random.choice(simple)
    else:
        balancer["consistentHash"] = _consistent_hash(random)
    return balancer


def _consistent_hash(random: Random) -> Object:
    keys: tuple[Object, ...] = (
        {"httpHeaderName": "x-user"},
        {"useSourceIp": True},
        {"useSourceIp": False},
        {"httpCookie": {"name": "user"} | random.choice(COOKIE_FIELDS)},
        {"httpQueryParameterName": "q"},
    )
    sizes: tuple[Object, ...] = (
        {},
        {},
        {"ringHash": {}},
        {"ringHash": {"minimumRingSize": 7}},
        {"maglev": {"tableSize": 7}},
        {"minimumRingSize": 5},
    )
    return random.choice(keys) | random.choice(sizes)


def _outlier_detection(random: Random) -> Object:
    outliers: Object = {}
    for name in ("consecutive5xxErrors", "consecutiveGatewayErrors", "maxEjectionPercent", "minHealthPercent"):
        maybe(random, outliers, name, lambda: random.choice((0, 1, 30, 100)), 0.4)
    if random.random() < 0.3:
        outliers["splitExternalLocalOriginErrors"] = True
        maybe(random, outliers, "consecutiveLocalOriginFailures", lambda: random.choice((0, 2)), 0.7)
    maybe(random, outliers, "interval", lambda: "2s", 0.3)
    maybe(random, outliers, "baseEjectionTime", lambda: "2s", 0.3)
    return outliers
