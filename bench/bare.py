"""A service that never heard of traces: `python -m bench.bare catalog`.

The goal "a request that nothing records costs what one without telemetry costs" is measured against it.
"""

import importlib
import sys
from unittest.mock import patch

from services.chassis.app import ServiceApp


def main() -> None:
    """Runs the service that is named; the patch fails by name where the services no longer do it this way."""
    service = importlib.import_module(f"services.{sys.argv[1]}.__main__")
    # Without an exporter nothing is instrumented. What is left is the look at the caller's trace.
    with patch.object(ServiceApp, "_is_recorded", lambda *_: False):
        service.main()


if __name__ == "__main__":
    main()
