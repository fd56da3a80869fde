"""envoy.config.route.v3.Route, with the kind of action that it has."""

import base64

from localmesh.envoy.emit.messages import Message, given, istio_metadata
from localmesh.envoy.emit.route_action import route_action
from localmesh.envoy.emit.route_match import route_match
from localmesh.envoy.emit.route_policies import header_mutations, typed_per_filter_config
from localmesh.proxy.actions import Action, DirectResponse, Forward, Redirect
from localmesh.proxy.routes import Route

_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def route(described: Route) -> Message:
    """Return a Route."""
    return given(
        name=described.name or None,
        match=route_match(described.match),
        **_action(described.action),
        metadata=istio_metadata(config=described.config),
        decorator={"operation": described.operation} if described.operation else None,
        stat_prefix=described.stat_prefix or None,
        typed_per_filter_config=typed_per_filter_config(described),
        **header_mutations(described.request_headers, described.response_headers),
    )


def _action(action: Action) -> Message:
    match action:
        case Forward():
            return {"route": route_action(action)}
        case Redirect():
            return {"redirect": _redirect(action)}
        case DirectResponse():
            return {"direct_response": _direct_response(action)}


def _redirect(described: Redirect) -> Message:
    return given(
        scheme_redirect=described.scheme,
        host_redirect=described.host,
        port_redirect=described.port,
        path_redirect=described.path,
        prefix_rewrite=described.prefix,
        response_code=_REDIRECTS[described.status],
    )


def _direct_response(described: DirectResponse) -> Message:
    """Return a DirectResponseAction; bytes are base64 in protobuf's JSON."""
    return given(status=described.status, body=None if described.body is None else _data_source(described.body))


def _data_source(content: str | bytes) -> Message:
    if isinstance(content, str):
        return {"inline_string": content}
    return {"inline_bytes": base64.b64encode(content).decode()}
