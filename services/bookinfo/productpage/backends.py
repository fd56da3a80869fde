"""What productpage asks of details, reviews and ratings."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from prometheus_client import CollectorRegistry, Counter

from services.bookinfo.calls import Answer, Caller
from services.bookinfo.productpage.settings import Settings
from services.chassis.forwarding import ForwardedHeaders

TIMEOUT_SECONDS = 3.0
"""How long each call may take."""
TRIES: Mapping[str, int] = {"reviews": 2}
"""Reviews is asked twice: a mistake that is here on purpose, for the lesson on fault injection to find."""


@dataclass(frozen=True, slots=True)
class Backends:
    """The services behind the page. A call that failed is an answer too."""

    caller: Caller
    """Makes the calls."""
    urls: Mapping[str, str]
    """Base URL of each service."""
    results: Counter
    """Counts what was answered in the end, by service and status."""

    async def ask(self, service: str, product_id: str, headers: ForwardedHeaders) -> Answer:
        """What `service` says of a product."""
        url = f"{self.urls[service]}/{service}/{quote(product_id, safe='')}"
        for _ in range(TRIES.get(service, 1)):
            answer = await self.caller.get(url, headers, TIMEOUT_SECONDS)
            if answer.ok:
                break
        self.results.labels(destination_app=service, response_code=int(answer.status)).inc()
        return answer

    async def flood(self, calls: int, product_id: str, headers: ForwardedHeaders) -> None:
        """Asks reviews so many times at once, and minds no answer."""
        await asyncio.gather(*(self.ask("reviews", product_id, headers) for _ in range(calls)))


def backends(settings: Settings, caller: Caller, registry: CollectorRegistry) -> Backends:
    """The services where `settings` say; their results are counted in `registry`."""
    urls = {"details": settings.details_url, "reviews": settings.reviews_url, "ratings": settings.ratings_url}
    results = Counter("request_result", "Results of requests", ["destination_app", "response_code"], registry=registry)
    return Backends(caller, urls, results)
