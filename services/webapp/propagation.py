"""Which of a caller's headers webapp sends on to catalog and the forum."""

_ALSO = frozenset({b"authorization", b"traceparent", b"tracestate", b"baggage", b"b3"})
_THIS_HOP_ONLY = (b"x-forwarded-", b"x-envoy-")


def goes_on(name: bytes) -> bool:
    """Whether the header describes the request as a whole: trace context, identity and ``x-*``.

    Headers about one hop (``x-forwarded-*``, ``x-envoy-*``) end here.
    """
    return name in _ALSO or (name.startswith(b"x-") and not name.startswith(_THIS_HOP_ONLY))
