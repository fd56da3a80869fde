from localmesh.envoy.subscriptions import Subscription, read

STATS = {
    "cluster_manager.cds.version_text": "c1",
    "cluster_manager.cds.update_rejected": "1",
    "cluster_manager.warming_clusters": "1",
    "listener_manager.lds.version_text": "",
    "http.outbound_0.0.0.0_80;.rds.80.version_text": "r1",
    "http.outbound_10.0.0.1_81;.rds.catalog.ns.svc.cluster.local_81.version_text": "r2",
    "cluster.outbound|80||catalog.ns.svc.cluster.local;.version_text": "e1",
    "cluster.PassthroughCluster;.update_rejected": "0",
}


def test_versions_and_refusals_are_told_by_kind_and_name() -> None:
    found = read(STATS)
    assert found.get("cds") == Subscription("c1", 1)
    assert found.get("lds") == Subscription("", 0)
    assert found.get("rds", "80") == Subscription("r1", 0)
    assert found.get("eds", "outbound|80||catalog.ns.svc.cluster.local") == Subscription("e1", 0)
    assert found.warming == 1


def test_a_colon_in_a_name_is_found_though_envoy_writes_none() -> None:
    assert read(STATS).get("rds", "catalog.ns.svc.cluster.local:81") == Subscription("r2", 0)


def test_a_cluster_that_follows_no_file_is_not_among_them() -> None:
    assert read(STATS).get("eds", "PassthroughCluster") is None
