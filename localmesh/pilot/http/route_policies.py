"""A VirtualService's faults, header operations and CORS policy → what a route does to requests on their way.

Source: TranslateFault, TranslateHeadersOperations and TranslateCORSPolicy in pilot/pkg/networking/core/route/route.go
of Istio 1.31.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from msgspec import Struct

from localmesh.kinds.istio.rules.statuses import GRPC_STATUSES
from localmesh.kinds.istio.types.virtual_service import (
    Abort,
    CorsPolicy,
    Delay,
    HeaderOperations,
    Headers,
    HTTPFaultInjection,
    Percent,
    StringMatch,
)
from localmesh.pilot.http.matches import text_match
from localmesh.proxy import route_policies as proxy
from localmesh.proxy.route_policies import Denominator, Fraction, HeaderMutations, HeaderValue

AUTHORITY = (":authority", "host")
"""Headers that are set by rewriting the host, and no other way."""

_PER_PERCENT = 10_000
"""How many millionths a percent is."""


def fraction(percent: Percent) -> Fraction:
    """Return a share in millionths; what is smaller is cut off."""
    return Fraction(int(percent.value * _PER_PERCENT), Denominator.MILLION)


class HeaderEffects(Struct, frozen=True):
    """What header operations come to."""

    request: HeaderMutations = proxy.NO_MUTATIONS
    response: HeaderMutations = proxy.NO_MUTATIONS
    host: str | None = None
    """What the upstream is told as host."""


def header_effects(headers: Headers | None) -> HeaderEffects:
    """Translate header operations; those on the request's host rewrite it."""
    if headers is None:
        return HeaderEffects()
    request = headers.request or HeaderOperations()
    host = _authority(request.set) or _authority(request.add)
    return HeaderEffects(_mutations(request), _mutations(headers.response or HeaderOperations()), host)


def _authority(values: Mapping[str, str]) -> str | None:
    return next((value for name, value in values.items() if name.lower() in AUTHORITY and value), None)


def _mutations(operations: HeaderOperations) -> HeaderMutations:
    return HeaderMutations(
        (*_header_values(operations.set, overwrites=True), *_header_values(operations.add, overwrites=False)),
        tuple(name for name in operations.remove if not _is_internal(name)),
    )


def _header_values(values: Mapping[str, str], *, overwrites: bool) -> Iterator[HeaderValue]:
    """Yield the headers by name, capitals first."""
    return (HeaderValue(name, values[name], overwrites) for name in sorted(values) if not _is_internal(name))


def _is_internal(name: str) -> bool:
    """Tell whether a header is one that Envoy does not let anybody set like this."""
    return name.startswith(":") or name.lower() == "host"


def fault(injection: HTTPFaultInjection | None) -> proxy.Fault | None:
    """Translate faults. A delay without a time and an abort without a status do nothing, as in istiod."""
    if injection is None:
        return None
    return proxy.Fault(
        _delay(injection.delay) if injection.delay else None, _abort(injection.abort) if injection.abort else None
    )


def _delay(delay: Delay) -> proxy.Delay | None:
    if delay.fixed_delay is None:
        return None
    share = Fraction(delay.percent % 2**32) if delay.percentage is None else fraction(delay.percentage)
    return proxy.Delay(delay.fixed_delay, share)


def _abort(abort: Abort) -> proxy.Abort | None:
    share = None if abort.percentage is None else fraction(abort.percentage)
    if abort.http_status is not None:
        return proxy.Abort(share, http_status=abort.http_status)
    if abort.grpc_status is not None:
        return proxy.Abort(share, grpc_status=GRPC_STATUSES[abort.grpc_status])
    return None


def cors_policy(policy: CorsPolicy | None) -> proxy.CorsPolicy | None:
    """Translate a CORS policy; `allowOrigin`, the way of old, counts where there is no `allowOrigins`."""
    if policy is None:
        return None
    origins = policy.allow_origins or tuple(StringMatch(exact=origin) for origin in policy.allow_origin)
    return proxy.CorsPolicy(
        tuple(text_match(origin) for origin in origins),
        ",".join(policy.allow_methods),
        ",".join(policy.allow_headers),
        ",".join(policy.expose_headers),
        None if policy.max_age is None else policy.max_age // timedelta(seconds=1),
        policy.allow_credentials,
        forwards_unmatched_preflights=policy.unmatched_preflights != "IGNORE",
    )
