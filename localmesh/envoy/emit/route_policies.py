"""What a route does to requests on their way: header mutations, and its own settings for the fault and CORS filters."""

from localmesh.envoy.emit.messages import Message, any_of, duration, given
from localmesh.envoy.emit.route_match import string_matcher
from localmesh.proxy.listeners import PlainFilter
from localmesh.proxy.route_policies import ALL, Abort, CorsPolicy, Delay, Fault, Fraction, HeaderMutations, HeaderValue
from localmesh.proxy.routes import Route


def header_mutations(request: HeaderMutations, response: HeaderMutations) -> Message:
    """Return the four fields in which a Route and a ClusterWeight say what they do to headers."""
    return given(
        request_headers_to_add=[_header_value_option(header) for header in request.add] or None,
        request_headers_to_remove=list(request.remove) or None,
        response_headers_to_add=[_header_value_option(header) for header in response.add] or None,
        response_headers_to_remove=list(response.remove) or None,
    )


def fractional_percent(described: Fraction) -> Message:
    """Return an envoy.type.v3.FractionalPercent."""
    return {"numerator": described.numerator, "denominator": described.denominator.value}


def typed_per_filter_config(described: Route) -> Message | None:
    """Return what a route tells single filters, None if it tells them nothing."""
    settings = given(
        **{
            PlainFilter.FAULT.value: _fault(described.fault) if described.fault else None,
            PlainFilter.CORS.value: _cors(described.cors) if described.cors else None,
        }
    )
    return settings or None


def _header_value_option(described: HeaderValue) -> Message:
    action = "OVERWRITE_IF_EXISTS_OR_ADD" if described.overwrites else "APPEND_IF_EXISTS_OR_ADD"
    return {"header": {"key": described.name, "value": described.value}, "append_action": action}


def _fault(described: Fault) -> Message:
    settings = given(
        delay=_delay(described.delay) if described.delay else None,
        abort=_abort(described.abort) if described.abort else None,
    )
    return any_of("envoy.extensions.filters.http.fault.v3.HTTPFault", **settings)


def _delay(described: Delay) -> Message:
    return {"fixed_delay": duration(described.duration), "percentage": fractional_percent(described.share)}


def _abort(described: Abort) -> Message:
    return given(
        http_status=described.http_status,
        grpc_status=described.grpc_status,
        percentage=fractional_percent(described.share) if described.share else None,
    )


def _cors(described: CorsPolicy) -> Message:
    settings = given(
        allow_origin_string_match=[string_matcher(origin) for origin in described.origins] or None,
        allow_methods=described.methods or None,
        allow_headers=described.headers or None,
        expose_headers=described.exposed_headers or None,
        max_age=None if described.max_age_s is None else str(described.max_age_s),
        allow_credentials=described.credentials,
        filter_enabled={"default_value": fractional_percent(ALL)},
        forward_not_matching_preflights=described.forwards_unmatched_preflights,
    )
    return any_of("envoy.extensions.filters.http.cors.v3.CorsPolicy", **settings)
