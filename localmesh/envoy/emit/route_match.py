"""envoy.config.route.v3.RouteMatch, HeaderMatcher and QueryParameterMatcher; envoy.type.matcher.v3.StringMatcher."""

from localmesh.envoy.emit.messages import Message, given
from localmesh.proxy.matches import HeaderMatch, QueryMatch, RouteMatch, TextKind, TextMatch


def route_match(described: RouteMatch) -> Message:
    """Return a RouteMatch."""
    return given(
        **_path(described.path),
        case_sensitive=not described.path.ignore_case if described.conditional else None,
        headers=[header_matcher(header) for header in described.headers] or None,
        query_parameters=[_query_parameter(parameter) for parameter in described.query] or None,
    )


def string_matcher(described: TextMatch) -> Message:
    """Return a StringMatcher; that a text is there at all is not for it to say."""
    if described.kind is TextKind.REGEX:
        return {"safe_regex": {"regex": described.value}}
    return given(**{described.kind.value: described.value}, ignore_case=described.ignore_case or None)


def _path(path: TextMatch) -> Message:
    match path.kind:
        case TextKind.EXACT:
            return {"path": path.value}
        case TextKind.REGEX:
            return {"safe_regex": {"regex": path.value}}
        case _:
            return {"prefix": path.value}


def header_matcher(header: HeaderMatch) -> Message:
    """Return a HeaderMatcher."""
    inverted = header.inverted or None
    if header.text.kind is TextKind.PRESENT:
        return given(name=header.name, present_match=True, invert_match=inverted)
    return given(
        name=header.name,
        string_match=string_matcher(header.text),
        invert_match=inverted,
        treat_missing_header_as_empty=inverted,
    )


def _query_parameter(parameter: QueryMatch) -> Message:
    if parameter.text.kind is TextKind.PRESENT:
        return {"name": parameter.name, "present_match": True}
    return {"name": parameter.name, "string_match": string_matcher(parameter.text)}
