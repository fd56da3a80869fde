"""A service with its telemetry taken out: `python -m bench.bare catalog`.

What a request would cost if no one had ever thought of traces. The goal "a request that nothing records costs what one
without telemetry costs" is measured against it.
"""

import importlib
import sys
from unittest.mock import patch

from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor


def main() -> None:
    """Runs the service that is named; the patches fail by name where the services no longer do it this way."""
    service = importlib.import_module(f"services.{sys.argv[1]}.__main__")
    with (
        patch("services.chassis.app.instrument", lambda *_, **__: None),
        patch.object(HTTPXClientInstrumentor, "instrument_client", lambda *_, **__: None),
    ):
        service.main()


if __name__ == "__main__":
    main()
