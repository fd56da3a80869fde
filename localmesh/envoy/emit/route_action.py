"""envoy.config.route.v3.RouteAction: how a request goes on to a cluster."""

from collections.abc import Sequence

from localmesh.envoy.emit.hash_policy import hash_policy
from localmesh.envoy.emit.messages import Message, any_of, duration, given
from localmesh.envoy.emit.route_policies import fractional_percent, header_mutations
from localmesh.proxy.actions import Forward, Mirror, RegexRewrite, RetryPolicy, WeightedCluster

_NO_LIMIT = {"max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"}}
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": any_of("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
}
_PREVIOUS_PRIORITIES = {
    "name": "envoy.retry_priorities.previous_priorities",
    "typed_config": any_of(
        "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", update_frequency=2
    ),
}


def route_action(described: Forward) -> Message:
    """Return a RouteAction.

    Towards the application nothing limits a request, not even a gRPC client's own deadline. Elsewhere the deprecated
    `max_grpc_timeout` limits that: with `max_stream_duration` Envoy would no longer look at `timeout`.
    """
    limit = duration(described.timeout)
    return given(
        **_clusters(described.clusters),
        host_rewrite_literal=described.host,
        prefix_rewrite=described.prefix,
        regex_rewrite=_regex_rewrite(described.rewrite) if described.rewrite else None,
        request_mirror_policies=[_mirror(mirror) for mirror in described.mirrors] or None,
        hash_policy=[hash_policy(hash_) for hash_ in described.hashes] or None,
        timeout=limit,
        retry_policy=_retry_policy(described.retry) if described.retry else None,
        **(_NO_LIMIT if described.server_side else {"max_grpc_timeout": limit}),
    )


def _clusters(clusters: Sequence[WeightedCluster]) -> Message:
    if clusters[0].weight is None:
        return {"cluster": clusters[0].cluster}
    return {"weighted_clusters": {"clusters": [_weighted_cluster(destination) for destination in clusters]}}


def _weighted_cluster(described: WeightedCluster) -> Message:
    return given(
        name=described.cluster,
        weight=described.weight,
        host_rewrite_literal=described.host,
        **header_mutations(described.request_headers, described.response_headers),
    )


def _regex_rewrite(described: RegexRewrite) -> Message:
    return {"pattern": {"regex": described.pattern}, "substitution": described.substitution}


def _mirror(described: Mirror) -> Message:
    """Return a RequestMirrorPolicy: the copy bears the host of the original, and makes no trace of its own."""
    return {
        "cluster": described.cluster,
        "runtime_fraction": {"default_value": fractional_percent(described.share)},
        "trace_sampled": False,
        "disable_shadow_host_suffix_append": True,
    }


def _retry_policy(retry: RetryPolicy) -> Message:
    """Return a RetryPolicy; 64-bit numbers are strings in protobuf's JSON."""
    attempts = retry.host_attempts
    return given(
        retry_on=retry.conditions,
        num_retries=retry.retries,
        per_try_timeout=duration(retry.per_try_timeout) if retry.per_try_timeout else None,
        retry_priority=_PREVIOUS_PRIORITIES if retry.other_localities else None,
        retry_host_predicate=[_PREVIOUS_HOSTS] if retry.other_hosts else None,
        host_selection_retry_max_attempts=None if attempts is None else str(attempts),
        retriable_status_codes=list(retry.statuses) or None,
        retry_back_off={"base_interval": duration(retry.base_interval)} if retry.base_interval else None,
    )
