"""envoy.config.route.v3.RouteAction: how a request goes on to a cluster."""

from collections.abc import Sequence

from localmesh.envoy.emit.messages import Message, any_of, duration, given
from localmesh.proxy.actions import Forward, RetryPolicy, WeightedCluster

_NO_LIMIT = {"max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"}}
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": any_of("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
}


def route_action(described: Forward) -> Message:
    """Return a RouteAction.

    Towards the application nothing limits a request, not even a gRPC client's own deadline. Elsewhere the deprecated
    `max_grpc_timeout` limits that: with `max_stream_duration` Envoy would no longer look at `timeout`.
    """
    limit = duration(described.timeout)
    return given(
        **_clusters(described.clusters),
        timeout=limit,
        retry_policy=_retry_policy(described.retry) if described.retry else None,
        **(_NO_LIMIT if described.server_side else {"max_grpc_timeout": limit}),
    )


def _clusters(clusters: Sequence[WeightedCluster]) -> Message:
    if clusters[0].weight is None:
        return {"cluster": clusters[0].cluster}
    weighted = [{"name": destination.cluster, "weight": destination.weight} for destination in clusters]
    return {"weighted_clusters": {"clusters": weighted}}


def _retry_policy(retry: RetryPolicy) -> Message:
    """Return a RetryPolicy; 64-bit numbers are strings in protobuf's JSON."""
    avoids = retry.host_attempts is not None
    return given(
        retry_on=retry.conditions,
        num_retries=retry.retries,
        per_try_timeout=duration(retry.per_try_timeout) if retry.per_try_timeout else None,
        retry_host_predicate=[_PREVIOUS_HOSTS] if avoids else None,
        host_selection_retry_max_attempts=str(retry.host_attempts) if avoids else None,
        retriable_status_codes=list(retry.statuses) or None,
    )
