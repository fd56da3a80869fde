"""What one Envoy is told: its four kinds of xDS resources."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Resource = dict[str, Any]
"""One xDS resource in protobuf's JSON form, with original field names and without `@type`."""

ReferenceKind = Literal["rds", "eds"]
"""The kinds that other resources refer to by name: listeners name routes, clusters name their endpoints."""


@dataclass(frozen=True, slots=True)
class Resources:
    """One proxy's whole configuration, each list sorted by resource name."""

    lds: Sequence[Resource] = ()
    """envoy.config.listener.v3.Listener, named by `name`."""

    rds: Sequence[Resource] = ()
    """envoy.config.route.v3.RouteConfiguration, named by `name`."""

    cds: Sequence[Resource] = ()
    """envoy.config.cluster.v3.Cluster, named by `name`."""

    eds: Sequence[Resource] = ()
    """envoy.config.endpoint.v3.ClusterLoadAssignment, named by `cluster_name`."""


class Source(Protocol):
    """Says from where an Envoy gets a resource that another one refers to."""

    def __call__(self, kind: ReferenceKind, name: str) -> Resource:
        """Return the `config_source` (envoy.config.core.v3.ConfigSource) of a resource."""


def from_ads(kind: ReferenceKind, name: str) -> Resource:  # noqa: ARG001 - the same for each, as istiod's
    """Return the source that istiod writes: the one stream that brings everything."""
    return {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
