"""Expected tables are what istioctl 1.31 prints for such configuration."""

import pytest

from localmesh.cli import cluster_tables, listener_table, route_table
from localmesh.cli.tables import table

CATALOG = "catalog.istioinaction.svc.cluster.local"
DOMAINS = [CATALOG, f"{CATALOG}.", "catalog", "catalog.istioinaction.svc", "catalog.istioinaction", "10.200.1.2"]


def managed(path: str) -> dict[str, object]:
    return {"filter_metadata": {"istio": {"config": f"/apis/networking.istio.io/v1/namespaces/istioinaction/{path}"}}}


def test_routes_are_sorted_by_port_and_name_their_virtual_service() -> None:
    to_catalog = {"route": {"cluster": f"outbound|80||{CATALOG}"}}
    dark = {"match": {"prefix": "/"}, **to_catalog, "metadata": managed("virtual-service/catalog")}
    passthrough = {"match": {"prefix": "/"}, "route": {"cluster": "PassthroughCluster"}}
    routes = [
        {"name": "http.8080", "virtual_hosts": [{"name": "blackhole:80", "domains": ["*"]}]},
        {"name": "15021", "virtual_hosts": [{"name": "allow_any", "domains": ["*"], "routes": [passthrough]}]},
        {"name": "80", "virtual_hosts": [{"name": f"{CATALOG}:80", "domains": DOMAINS, "routes": [dark]}]},
    ]
    assert route_table.rows(routes)[1:] == [
        ("80", f"{CATALOG}:80", f"{CATALOG}., catalog + 2 more...", "/*", "catalog.istioinaction"),
        ("http.8080", "blackhole:80", "*", "/*", "404"),
    ]


@pytest.mark.parametrize(
    ("domains", "described"),
    [
        (["*"], "*"),
        (["webapp.istioinaction.io"], "webapp.istioinaction.io"),
        (["a.io", "a.io:80"], "a.io"),
        ([CATALOG, "catalog.istioinaction", "catalog.istioinaction.svc"], "catalog.istioinaction"),
        (["a", "b", "c", "d"], "a, b + 2 more..."),
    ],
)
def test_longer_forms_of_a_domain_are_left_out(domains: list[str], described: str) -> None:
    assert route_table.describe_domains(domains) == described


@pytest.mark.parametrize(
    ("match", "described"),
    [
        ({"prefix": "/api"}, "/api*"),
        ({"path": "/items/1"}, "/items/1"),
        ({"safe_regex": {"regex": "/i.*"}}, "regex /i.*"),
        ({"path_separated_prefix": "/api"}, "PathPrefix:/api"),
    ],
)
def test_a_match_is_described_by_its_path(match: dict[str, object], described: str) -> None:
    assert route_table.describe_match(match) == described


def test_clusters_are_sorted_by_host_and_name_their_destination_rule() -> None:
    clusters = [
        {"name": "PassthroughCluster", "type": "ORIGINAL_DST"},
        {"name": f"outbound|80|version-v1|{CATALOG}", "type": "EDS", "metadata": managed("destination-rule/catalog")},
        {"name": f"outbound|80||{CATALOG}", "type": "EDS"},
        {"name": "inbound|3000||"},
    ]
    assert table(cluster_tables.cluster_rows(clusters)).splitlines() == [
        "SERVICE FQDN                                PORT     SUBSET         DIRECTION     TYPE             DESTINATION RULE",  # noqa: E501
        "                                            3000     -              inbound       STATIC",
        "PassthroughCluster                          -        -              -             ORIGINAL_DST",
        "catalog.istioinaction.svc.cluster.local     80       -              outbound      EDS",
        "catalog.istioinaction.svc.cluster.local     80       version-v1     outbound      EDS              catalog.istioinaction",  # noqa: E501
    ]


def test_endpoints_show_what_outlier_detection_ejected() -> None:
    hosts = [
        {"address": _address(9001), "health_status": {"eds_health_status": "HEALTHY", "failed_outlier_check": True}},
        {"address": _address(9000), "health_status": {"eds_health_status": "UNHEALTHY"}},
        {"address": {"pipe": {"path": "/run/x"}}, "health_status": {"eds_health_status": "HEALTHY"}},
    ]
    rows = cluster_tables.endpoint_rows([{"name": "outbound|80||a", "host_statuses": hosts}, {"name": "empty"}])
    assert table(rows).splitlines() == [
        "ENDPOINT           STATUS        OUTLIER CHECK     CLUSTER",
        "127.0.0.1:9000     UNHEALTHY     OK                outbound|80||a",
        "127.0.0.1:9001     HEALTHY       FAILED            outbound|80||a",
        "unix:///run/x      HEALTHY       OK                outbound|80||a",
    ]


def test_listeners_show_each_filter_chain_and_where_it_leads() -> None:
    inline = {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [_to("inbound|3000||")]}]}
    listeners = [
        {
            "address": _address(15006),
            "filter_chains": [
                _chain({"route_config": inline}, {"destination_port": 3000, "transport_protocol": "raw_buffer"}),
                _tcp_chain("InboundPassthroughCluster"),
                _tcp_chain("BlackHoleCluster"),
            ],
        },
        {"address": _address(80), "filter_chains": [_chain({"rds": {"route_config_name": "80"}}, {})]},
    ]
    assert table(listener_table.rows(listeners), gap=1).splitlines() == [
        "ADDRESSES PORT  MATCH                           DESTINATION",
        "127.0.0.1 80    ALL                             Route: 80",
        "127.0.0.1 15006 ALL                             Non-HTTP/Non-TCP",
        "127.0.0.1 15006 ALL                             InboundPassthroughCluster",
        "127.0.0.1 15006 Trans: raw_buffer; Addr: *:3000 Cluster: inbound|3000||",
    ]
    assert list(map(listener_table.type_of, listeners)) == ["HTTP+TCP", "HTTP"]


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _to(cluster: str) -> dict[str, object]:
    return {"match": {"prefix": "/"}, "route": {"cluster": cluster}}


def _chain(config: dict[str, object], match: dict[str, object]) -> dict[str, object]:
    return {"filter_chain_match": match, "filters": [{"name": listener_table.MANAGER, "typed_config": config}]}


def _tcp_chain(cluster: str) -> dict[str, object]:
    return {"filters": [{"name": listener_table.TCP_PROXY, "typed_config": {"cluster": cluster}}]}
