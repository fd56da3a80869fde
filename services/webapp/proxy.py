"""Which proxy a call goes through."""

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str, *, proxy_loopback: bool = False) -> str | None:
    """The proxy that HTTP_PROXY and NO_PROXY name for `url`, if any.

    A service on this very machine is none that a company's proxy could reach, so calls to it take none.

    Args:
        url: Scheme, host and port of the service.
        proxy_loopback: Whether they do all the same.
    """
    host = urlsplit(url).hostname or ""
    if proxy_bypass(host) or (_is_loopback(host) and not proxy_loopback):
        return None
    return getproxies().get("http")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
