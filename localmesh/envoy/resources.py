"""What one Envoy is told: its kinds of xDS resources."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

Resource = dict[str, Any]
"""One xDS resource in protobuf's JSON form, with original field names and without `@type`."""

ADS: Resource = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
"""The source (envoy.config.core.v3.ConfigSource) of what one resource refers to by name: the stream that brings all.

No fetch timeout, as from istiod: Envoy waits for a first good version rather than serve without it.
"""

_TYPES = "type.googleapis.com/"


class ResourceType(StrEnum):
    """The types that an Envoy subscribes to, by their protobufs' full names."""

    CLUSTER = "envoy.config.cluster.v3.Cluster"
    LISTENER = "envoy.config.listener.v3.Listener"
    ENDPOINT = "envoy.config.endpoint.v3.ClusterLoadAssignment"
    ROUTE = "envoy.config.route.v3.RouteConfiguration"
    SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type's name

    @property
    def url(self) -> str:
        """Return the type URL, by which discovery requests name the type."""
        return _TYPES + self

    @property
    def discovery(self) -> str:
        """Return the name of the type's discovery service, such as CDS."""
        return _DISCOVERY[self]

    @property
    def is_complete(self) -> bool:
        """Whether each response lists all there is, so that what it lacks is gone; others are asked for by name."""
        return self in (ResourceType.CLUSTER, ResourceType.LISTENER)

    @classmethod
    def of_url(cls, url: str) -> "ResourceType | None":
        """Return the type of a URL, None for one that is not served."""
        return _BY_URL.get(url)


_DISCOVERY = {
    ResourceType.CLUSTER: "CDS",
    ResourceType.LISTENER: "LDS",
    ResourceType.ENDPOINT: "EDS",
    ResourceType.ROUTE: "RDS",
    ResourceType.SECRET: "SDS",
}
_BY_URL = {type_.url: type_ for type_ in ResourceType}


class Resources(Struct, frozen=True):
    """One proxy's whole configuration, each list sorted by resource name."""

    lds: Sequence[Resource] = ()
    """envoy.config.listener.v3.Listener, named by `name`."""

    rds: Sequence[Resource] = ()
    """envoy.config.route.v3.RouteConfiguration, named by `name`."""

    cds: Sequence[Resource] = ()
    """envoy.config.cluster.v3.Cluster, named by `name`."""

    eds: Sequence[Resource] = ()
    """envoy.config.endpoint.v3.ClusterLoadAssignment, named by `cluster_name`."""

    sds: Sequence[Resource] = ()
    """envoy.extensions.transport_sockets.tls.v3.Secret, named by `name`."""

    def of_type(self, type_: ResourceType) -> Sequence[Resource]:
        """Return the resources of one type."""
        resources: Sequence[Resource] = getattr(self, type_.discovery.lower())
        return resources


def name_of(resource: Resource) -> str:
    """Return a resource's name, whichever type it is of."""
    name: str = resource["cluster_name"] if "cluster_name" in resource else resource["name"]
    return name


class Encoded(Struct, frozen=True):
    """One resource as it is sent."""

    name: str
    version: str
    """A hash of the content: the same content has the same version everywhere."""

    value: bytes
    """The protobuf; of a secret, a private key is in it."""

    def __repr__(self) -> str:
        """Without what may be a private key."""
        return f"Encoded({self.name!r}, {self.version!r})"


Configuration = Mapping[ResourceType, Mapping[str, Encoded]]
"""Everything that one Envoy is told, by type and name."""
