"""The resources that the local mesh serves, one row each, in the order in which discovery lists them."""

from msgspec import Struct


class Resource(Struct, frozen=True):
    """One row of `kubectl api-resources`."""

    group: str
    """API group, "" for the core group."""

    versions: tuple[str, ...]
    """Served versions, the preferred one first; all of them have the same schema."""

    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    categories: tuple[str, ...] = ()
    custom: bool = False
    """Whether it is a CustomResourceDefinition in a cluster: such a resource knows no strategic merge patch."""

    @property
    def qualified(self) -> str:
        """The name in error messages: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """The name where an object is invalid: `Deployment.apps`, `Pod`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def api_version(self, version: str = "") -> str:
        """Return `group/version`, of the preferred version unless another one is named."""
        return "/".join(filter(None, (self.group, version or self.versions[0])))


_ISTIO = ("v1", "v1beta1", "v1alpha3")

# Kubernetes lists what `kubectl get all` shows in this order: pods, services, deployments, replicasets.
NAMESPACES = Resource("", ("v1",), "Namespace", "namespaces", "namespace", ("ns",), namespaced=False)
PODS = Resource("", ("v1",), "Pod", "pods", "pod", ("po",), categories=("all",))
SERVICES = Resource("", ("v1",), "Service", "services", "service", ("svc",), categories=("all",))
ENDPOINTS = Resource("", ("v1",), "Endpoints", "endpoints", "endpoints", ("ep",))
SERVICE_ACCOUNTS = Resource("", ("v1",), "ServiceAccount", "serviceaccounts", "serviceaccount", ("sa",))
CONFIG_MAPS = Resource("", ("v1",), "ConfigMap", "configmaps", "configmap", ("cm",))
EVENTS = Resource("", ("v1",), "Event", "events", "event", ("ev",))
DEPLOYMENTS = Resource("apps", ("v1",), "Deployment", "deployments", "deployment", ("deploy",), categories=("all",))
REPLICA_SETS = Resource("apps", ("v1",), "ReplicaSet", "replicasets", "replicaset", ("rs",), categories=("all",))
ENDPOINT_SLICES = Resource("discovery.k8s.io", ("v1",), "EndpointSlice", "endpointslices", "endpointslice")
POD_DISRUPTION_BUDGETS = Resource(
    "policy", ("v1",), "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", ("pdb",)
)
GATEWAYS = Resource("networking.istio.io", _ISTIO, "Gateway", "gateways", "gateway", ("gw",), custom=True)
VIRTUAL_SERVICES = Resource(
    "networking.istio.io", _ISTIO, "VirtualService", "virtualservices", "virtualservice", ("vs",), custom=True
)
DESTINATION_RULES = Resource(
    "networking.istio.io", _ISTIO, "DestinationRule", "destinationrules", "destinationrule", ("dr",), custom=True
)
_SECURITY = ("v1", "v1beta1")
AUTHORIZATION_POLICIES = Resource(
    "security.istio.io",
    _SECURITY,
    "AuthorizationPolicy",
    "authorizationpolicies",
    "authorizationpolicy",
    ("ap",),
    custom=True,
)
REQUEST_AUTHENTICATIONS = Resource(
    "security.istio.io",
    _SECURITY,
    "RequestAuthentication",
    "requestauthentications",
    "requestauthentication",
    ("ra",),
    custom=True,
)
TELEMETRIES = Resource(
    "telemetry.istio.io", ("v1", "v1alpha1"), "Telemetry", "telemetries", "telemetry", ("telemetry",), custom=True
)
PEER_AUTHENTICATIONS = Resource(
    "security.istio.io",
    _SECURITY,
    "PeerAuthentication",
    "peerauthentications",
    "peerauthentication",
    ("pa",),
    custom=True,
)

RESOURCES = (
    NAMESPACES,
    PODS,
    SERVICES,
    ENDPOINTS,
    SERVICE_ACCOUNTS,
    CONFIG_MAPS,
    EVENTS,
    DEPLOYMENTS,
    REPLICA_SETS,
    ENDPOINT_SLICES,
    POD_DISRUPTION_BUDGETS,
    GATEWAYS,
    VIRTUAL_SERVICES,
    DESTINATION_RULES,
    AUTHORIZATION_POLICIES,
    REQUEST_AUTHENTICATIONS,
    TELEMETRIES,
    PEER_AUTHENTICATIONS,
)

BY_PLURAL = {(resource.group, resource.plural): resource for resource in RESOURCES}
BY_KIND = {(resource.group, resource.kind): resource for resource in RESOURCES}


def resource_of(api_version: str, kind: str) -> Resource | None:
    """Return the resource for a document's `apiVersion` and `kind`, None when it is not served."""
    group, _, version = api_version.rpartition("/")
    resource = BY_KIND.get((group, kind))
    return resource if resource and version in resource.versions else None
