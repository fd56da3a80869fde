"""Which of a DestinationRule's policies is in force for a port, and for a subset of it.

Source: GetPortLevelTrafficPolicy and MergeSubsetTrafficPolicy in pilot/pkg/networking/util/util.go of Istio 1.31.
"""

from msgspec.structs import replace

from localmesh.kinds.istio.types.destination_rule import PortTrafficPolicy, TrafficPolicy


def port_setting(policy: TrafficPolicy | None, port: int) -> PortTrafficPolicy | None:
    """Return what a policy says of one port alone, None if it says nothing."""
    settings = policy.port_level_settings if policy else ()
    return next((setting for setting in settings if setting.port and setting.port.number == port), None)


def port_policy(policy: TrafficPolicy | None, port: int) -> TrafficPolicy | None:
    """Return the policy for a port: what is said of it alone takes the place of all that is said of all ports."""
    setting = port_setting(policy, port)
    if setting is None:
        return policy
    return TrafficPolicy(
        connection_pool=setting.connection_pool,
        load_balancer=setting.load_balancer,
        outlier_detection=setting.outlier_detection,
        tls=setting.tls,
    )


def subset_policy(policy: TrafficPolicy | None, own: TrafficPolicy | None, port: int) -> TrafficPolicy | None:
    """Return the policy for a port of a subset with a policy of its own.

    What the subset says goes before what is said of all; what it says of the port alone leaves nothing of that but the
    retry budget, which no port can have of its own.
    """
    inherited, ours = port_policy(policy, port), port_policy(own, port)
    if inherited is None or ours is None:
        return ours or inherited
    if port_setting(own, port):
        return replace(ours, retry_budget=inherited.retry_budget)
    return TrafficPolicy(
        connection_pool=ours.connection_pool or inherited.connection_pool,
        load_balancer=ours.load_balancer or inherited.load_balancer,
        outlier_detection=ours.outlier_detection or inherited.outlier_detection,
        tls=ours.tls or inherited.tls,
        retry_budget=ours.retry_budget or inherited.retry_budget,
    )
