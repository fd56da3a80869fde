from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.istio.types.virtual_service import HTTPRetry
from localmesh.kinds.messages import read
from localmesh.pilot.clusters.defaults import LOAD_BALANCER, NO_BREAKERS
from localmesh.pilot.http.retries import DEFAULT_RETRY, retry_policy
from localmesh.proxy.actions import Forward
from localmesh.proxy.cluster_policies import (
    Http2Keepalive,
    LoadBalancer,
    LoadBalancing,
    RetryBudget,
    SlowStart,
    TcpKeepalive,
)
from localmesh.proxy.clusters import Cluster, ClusterType, UpstreamProtocol
from localmesh.proxy.hash_policies import HashCookie, HashHeader, HashQueryParameter
from localmesh.proxy.names import inbound_cluster
from tests.localmesh.pilot.objects import NAMESPACE, destination_rule, outbound, pod, proxies, service, virtual_service

CLIENT = pod("webapp-1", namespace="client")
CATALOG = service("catalog")
RANDOM: Any = {"loadBalancer": {"simple": "RANDOM"}}
HOST = f"catalog.{NAMESPACE}.svc.cluster.local"


def clusters(*objects: Any, client: Any = CLIENT) -> dict[str, Cluster]:
    proxy = proxies(client, CATALOG, *objects)[client["metadata"]["name"]]
    return {each.name: each for each in proxy.clusters}


def catalog(*objects: Any, client: Any = CLIENT, subset: str = "") -> Cluster:
    return clusters(*objects, client=client)[outbound("catalog", subset=subset)]


def with_policy(**policy: Any) -> Cluster:
    return catalog(destination_rule("rule", trafficPolicy=policy))


def balancing(*objects: Any, client: Any = CLIENT) -> LoadBalancing | None:
    balancer = catalog(*objects, client=client).load_balancer
    return balancer.policy if balancer else None


def test_what_is_not_said_is_as_without_a_rule() -> None:
    said = with_policy(connectionPool={"http": {"maxRetries": 0}, "tcp": {}}, loadBalancer={})
    without = catalog()
    assert replace(said, metadata=None) == replace(without, metadata=None)
    assert (without.load_balancer, without.circuit_breakers) == (LOAD_BALANCER, NO_BREAKERS)


def test_a_retry_budget_is_a_fifth_and_three_unless_it_says_more() -> None:
    def budget(**said: Any) -> RetryBudget | None:
        breakers = with_policy(retryBudget=said).circuit_breakers
        return breakers.retry_budget if breakers else None

    assert budget() == RetryBudget(20.0, 3)
    assert budget(percent=0, minRetryConcurrency=9, budgetInterval="0s") == RetryBudget(0, 9, timedelta(0))


def test_only_balancers_that_know_of_load_warm_up() -> None:
    warmup = {"duration": "30s", "aggression": 2}
    kind = SlowStart(timedelta(seconds=30), 2, 10.0)
    assert with_policy(loadBalancer={"warmup": warmup}).load_balancer == replace(LOAD_BALANCER, slow_start=kind)
    unkind = with_policy(loadBalancer={"simple": "RANDOM", "warmup": warmup})
    assert unkind.load_balancer == LoadBalancer(LoadBalancing.RANDOM)


def test_the_way_of_old_to_warm_up_leaves_the_rest_to_envoy() -> None:
    found = with_policy(loadBalancer={"simple": "ROUND_ROBIN", "warmupDurationSecs": "9s"}).load_balancer
    assert found == LoadBalancer(LoadBalancing.ROUND_ROBIN, SlowStart(timedelta(seconds=9)))


@pytest.mark.parametrize(("said", "size"), [({}, 1024), ({"minimumRingSize": 9}, 9), ({"ringHash": {}}, None)])
def test_a_ring_has_1024_points_unless_envoy_is_to_decide(said: Any, size: int | None) -> None:
    found = with_policy(loadBalancer={"consistentHash": {"useSourceIp": True} | said}).load_balancer
    assert found == LoadBalancer(LoadBalancing.RING_HASH, minimum_ring_size=size)


def test_passthrough_takes_any_endpoint_where_nothing_is_intercepted() -> None:
    found = with_policy(loadBalancer={"simple": "PASSTHROUGH"})
    assert (found.type, found.load_balancer) == (ClusterType.EDS, LoadBalancer(LoadBalancing.RANDOM))


def test_http2_is_spoken_where_it_is_asked_for_and_its_settings_only_there() -> None:
    http = {"maxConcurrentStreams": 7, "http2KeepAlive": {"interval": "5s", "timeout": "1s"}}
    upgraded = with_policy(connectionPool={"http": http | {"h2UpgradePolicy": "UPGRADE"}})
    assert upgraded.protocol is UpstreamProtocol.HTTP2
    assert upgraded.connections.max_streams == 7
    assert upgraded.connections.keepalive == Http2Keepalive(timedelta(seconds=5), timedelta(seconds=1))
    assert with_policy(connectionPool={"http": http}).protocol is UpstreamProtocol.HTTP1
    as_client = with_policy(connectionPool={"http": {"useClientProtocol": True}})
    assert as_client.protocol is UpstreamProtocol.AS_DOWNSTREAM


def test_seconds_between_probes_are_counted_in_32_bits_as_istiod_counts_them() -> None:
    found = with_policy(connectionPool={"tcp": {"tcpKeepalive": {"time": "2562047h", "interval": "1.5s"}}})
    assert found.tcp_keepalive == TcpKeepalive(None, 633434608, 1)


def test_https_idle_time_goes_before_tcps_which_may_be_endless() -> None:
    both = with_policy(connectionPool={"http": {"idleTimeout": "3s"}, "tcp": {"idleTimeout": "0s"}})
    assert both.connections.idle_timeout == timedelta(seconds=3)
    assert with_policy(connectionPool={"tcp": {"idleTimeout": "0s"}}).connections.idle_timeout == timedelta(0)


def test_where_ill_endpoints_may_get_requests_those_that_are_not_ready_are_not_there() -> None:
    def health(percent: int) -> list[bool]:
        rule = destination_rule("rule", trafficPolicy={"outlierDetection": {"minHealthPercent": percent}})
        found = clusters(rule, *ill_and_well)[outbound("catalog")]
        assert found.panic_threshold == percent
        return [endpoint.healthy for endpoint in found.endpoints]

    reached = [PodAddresses(admin="/run/admin", inbound={3000: port}) for port in (4001, 4002)]
    ill_and_well = pod("catalog-1", reached[0], ready=False), pod("catalog-2", reached[1])
    assert health(0) == [False, True]
    assert health(30) == [True]


def test_connections_of_all_but_not_of_subsets_are_the_servers_too() -> None:
    def limit(rule: Any) -> int | None:
        server = clusters(rule, client=pod("catalog-1"))[inbound_cluster(3000)].circuit_breakers
        return server.max_connections if server else None

    pool = {"connectionPool": {"tcp": {"maxConnections": 7}}}
    assert limit(destination_rule("rule", trafficPolicy=pool)) == 7
    subset = {"name": "v1", "trafficPolicy": pool}
    assert limit(destination_rule("rule", subsets=[subset])) == NO_BREAKERS.max_connections
    selecting = destination_rule("rule", trafficPolicy=pool, workloadSelector={"matchLabels": {"app": "catalog"}})
    assert limit(selecting) == NO_BREAKERS.max_connections


def test_a_rule_is_seen_by_whom_it_is_exported_to() -> None:
    def seen(*export_to: str, namespace: str = NAMESPACE) -> bool:
        rule = destination_rule("rule", host=HOST, namespace=namespace, exportTo=list(export_to), trafficPolicy=RANDOM)
        return balancing(rule) is LoadBalancing.RANDOM

    assert [seen(), seen("*"), seen("client", "others")] == [True, True, True]
    assert [seen("."), seen("others"), seen(NAMESPACE)] == [False, False, False]
    assert [seen(".", namespace="client"), seen("client", namespace="client")] == [True, True]
    assert not seen("others", namespace="client")


def test_a_rule_that_is_not_exported_leaves_its_turn_to_the_root_namespace() -> None:
    private = destination_rule("private", exportTo=["."], trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}})
    root = destination_rule("root", host="*.local", namespace="istio-system", trafficPolicy=RANDOM)
    assert balancing(private, root) is LoadBalancing.RANDOM


def test_rules_for_other_namespaces_are_not_united() -> None:
    old = destination_rule("old", "v1", age=1, exportTo=["client"], trafficPolicy=RANDOM)
    young = destination_rule("young", "v2", age=2, exportTo=["others"])
    names = [each.metadata.subset for each in clusters(old, young).values() if each.metadata and each.metadata.subset]
    assert names == ["v1"]


def test_a_younger_rule_gives_its_policy_to_an_older_one_that_has_none() -> None:
    silent = destination_rule("old", "v1", age=1)
    assert balancing(silent, destination_rule("young", age=2, trafficPolicy=RANDOM)) is LoadBalancing.RANDOM
    first = destination_rule("first", age=0, trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN"}})
    assert balancing(first, silent, destination_rule("young", age=2, trafficPolicy=RANDOM)) is LoadBalancing.ROUND_ROBIN


def test_a_rule_that_selects_clients_is_for_those_beside_it_that_have_its_labels() -> None:
    selector = {"matchLabels": {"app": "webapp"}}
    ours = {"host": HOST, "namespace": "client", "age": 9, "workloadSelector": selector, "trafficPolicy": RANDOM}
    for_all = destination_rule("all", host=HOST, namespace="client")
    assert balancing(for_all, destination_rule("some", **ours)) is LoadBalancing.RANDOM
    others = {"matchLabels": {"app": "else"}}
    assert balancing(for_all, destination_rule("some", **ours | {"workloadSelector": others})) is LOAD_BALANCER.policy
    theirs = destination_rule("some", **ours | {"namespace": NAMESPACE})
    assert balancing(theirs) is LOAD_BALANCER.policy


def hashed(rule: Any, *rules: Any) -> Forward:
    objects = [virtual_service("routed", {"route": list(rules)}, hosts=[HOST])] if rules else []
    configurations = proxies(CLIENT, CATALOG, rule, *objects)["webapp-1"].routes
    hosts = next(each.virtual_hosts for each in configurations if each.name == "80")
    action = next(host for host in hosts if HOST in host.domains).routes[0].action
    assert isinstance(action, Forward)
    return action


def by(**key: Any) -> Any:
    return {"loadBalancer": {"consistentHash": key}}


def test_a_request_is_hashed_for_the_one_destination_and_tried_again_there() -> None:
    rule = destination_rule("rule", trafficPolicy=by(httpHeaderName="x-user"))
    found = hashed(rule, {"destination": {"host": HOST}})
    assert found.hashes == (HashHeader("x-user"),)
    assert found.retry == replace(DEFAULT_RETRY, other_hosts=False)


def test_a_request_without_a_virtual_service_is_hashed_too_but_tried_again_elsewhere() -> None:
    found = hashed(destination_rule("rule", trafficPolicy=by(httpCookie={"name": "a", "ttl": "0s"})))
    assert found.hashes == (HashCookie("a", timedelta(0)),)
    assert found.retry == DEFAULT_RETRY


def test_of_several_destinations_each_one_with_weight_says_what_is_hashed() -> None:
    subsets = [
        {"name": "v1", "trafficPolicy": by(httpQueryParameterName="q")},
        {"name": "v2", "trafficPolicy": by(useSourceIp=True)},
    ]
    rule = destination_rule("rule", subsets=subsets, trafficPolicy=by(httpHeaderName="x-user"))
    found = hashed(
        rule,
        {"destination": {"host": HOST, "subset": "v1"}, "weight": 1},
        {"destination": {"host": HOST}, "weight": 1},
        {"destination": {"host": HOST, "subset": "v2"}, "weight": 0},
    )
    assert found.hashes == (HashQueryParameter("q"), HashHeader("x-user"))
    assert found.retry == DEFAULT_RETRY


def test_what_a_destinations_port_hashes_counts_where_the_destination_names_the_port() -> None:
    setting = {"port": {"number": 80}, **by(httpQueryParameterName="q")}
    rule = destination_rule("rule", trafficPolicy={"portLevelSettings": [setting], **by(httpHeaderName="x-user")})
    named = hashed(rule, {"destination": {"host": HOST, "port": {"number": 80}}})
    assert named.hashes == (HashQueryParameter("q"),)
    assert hashed(rule, {"destination": {"host": HOST}}).hashes == (HashHeader("x-user"),)


@pytest.mark.parametrize(("said", "other_hosts"), [(None, False), (True, True), (False, False)])
def test_a_rule_may_ask_for_other_endpoints_in_spite_of_a_hash(said: bool | None, *, other_hosts: bool) -> None:
    fields = {} if said is None else {"retryIgnorePreviousHosts": said}
    found = retry_policy(read(HTTPRetry, {"spec": {"attempts": 1, **fields}}), hashed=True)
    assert found is not None
    assert found.other_hosts is other_hosts
