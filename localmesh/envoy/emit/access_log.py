"""The access log in Istio's text format, on the proxy's standard output."""

from localmesh.envoy.emit.messages import Message, any_of

FORMAT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS%'
    " %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%"
    ' "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION%'
    ' %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%"'
    ' "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS%'
    " %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
"""EnvoyTextLogFormat of Istio 1.31 (pilot/pkg/model/telemetry_logging.go)."""


def access_log() -> list[Message]:
    """Return the one access log that each connection manager writes."""
    file = any_of(
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path="/dev/stdout",
        log_format={"text_format_source": {"inline_string": FORMAT}},
    )
    return [{"name": "envoy.access_loggers.file", "typed_config": file}]


def unmatched_log() -> list[Message]:
    """Return the access logs of a sidecar's port: of connections that none of its filter chains takes."""
    return [{**log, "filter": {"response_flag_filter": {"flags": ["NR"]}}} for log in access_log()]
