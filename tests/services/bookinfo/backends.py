"""What the services behind productpage answer in a test."""

from collections.abc import Callable
from typing import Any

import httpx

Answer = Callable[[httpx.Request], httpx.Response]

DETAILS = {
    "id": 0,
    "author": "William Shakespeare",
    "year": 1595,
    "type": "paperback",
    "pages": 200,
    "publisher": "PublisherA",
    "language": "English",
    "ISBN-10": "1234567890",
    "ISBN-13": "123-1234567890",
}
RATINGS = {"id": 0, "ratings": {"Reviewer1": 5, "Reviewer2": 4}}


def reviews(color: str | None = None, pod: str = "reviews-v1-abc") -> dict[str, Any]:
    """What reviews says, with stars in this colour."""
    opinions: list[dict[str, Any]] = [{"reviewer": f"Reviewer{n}", "text": f"Opinion {n}."} for n in (1, 2)]
    if color:
        for opinion, stars in zip(opinions, (5, 4), strict=True):
            opinion["rating"] = {"stars": stars, "color": color}
    return {"id": "0", "podname": pod, "clustername": "null", "reviews": opinions}


def answering(
    details: httpx.Response | Exception | None = None,
    reviews_: httpx.Response | Exception | None = None,
    ratings: httpx.Response | Exception | None = None,
    asked: list[httpx.Request] | None = None,
) -> Answer:
    """All three, well unless told otherwise; each request is noted in `asked`."""
    by_host = {
        "details": details or httpx.Response(200, json=DETAILS),
        "reviews": reviews_ or httpx.Response(200, json=reviews()),
        "ratings": ratings or httpx.Response(200, json=RATINGS),
    }

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        found = by_host[request.url.host]
        if isinstance(found, Exception):
            raise found
        return found

    return answer
