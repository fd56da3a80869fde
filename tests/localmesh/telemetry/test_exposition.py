from localmesh.telemetry.exposition import labels_of, merged, name_of, samples, with_labels

PAGE = """# TYPE envoy_istio_istio_requests_total counter
envoy_istio_istio_requests_total{reporter="source",destination_workload=""} 3
# TYPE envoy_cluster_upstream_cx counter
envoy_cluster_upstream_cx{cluster_name="a} b"} 1
envoy_server_live 1
"""


def test_istios_metrics_get_their_bare_names_and_say_unknown_where_envoy_says_nothing() -> None:
    (first, second, third) = [series for series, _ in samples(PAGE)]
    assert name_of(first) == "istio_requests_total"
    assert with_labels(first, 'pod="p"') == (
        'istio_requests_total{reporter="source",destination_workload="unknown",pod="p"}'
    )
    assert with_labels(second, 'pod="p"') == 'envoy_cluster_upstream_cx{cluster_name="a} b",pod="p"}'
    assert with_labels(third, 'pod="p"') == 'envoy_server_live{pod="p"}'


def test_pages_become_one_in_which_each_metric_stands_together_under_one_type() -> None:
    page = merged([(PAGE, {"pod": "one"}), (PAGE, {"pod": "two"})]).splitlines()
    kinds = [line for line in page if line.startswith("#")]
    assert kinds == ["# TYPE istio_requests_total counter", "# TYPE envoy_cluster_upstream_cx counter"]
    requests = [index for index, line in enumerate(page) if line.startswith("istio_requests_total")]
    assert requests == [1, 2]
    assert len(page) == len(set(page)) == 8


def test_a_histograms_parts_stand_under_its_type() -> None:
    text = '# TYPE t histogram\nt_bucket{le="1"} 1\nt_sum{} 2\nt_count{} 1\n'
    page = merged([(text, {"pod": "one"}), (text, {"pod": "two"})]).splitlines()
    assert page[0] == "# TYPE t histogram"
    assert [line.split("{")[0] for line in page[1:]] == ["t_bucket", "t_sum", "t_count"] * 2


def test_labels_are_read_with_their_escapes_and_what_is_no_sample_is_passed_over() -> None:
    assert labels_of(r'm{a="x\"y\\z\n",b=""}') == {"a": 'x"y\\z\n', "b": ""}
    assert list(samples("m 1\nnonsense\nm{} NaNsense\n\n# c\n")) == [("m", 1.0)]
