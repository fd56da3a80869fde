"""Productpage's JSON interface, and what machines ask of it."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.bookinfo.productpage.backends import Backends
from services.bookinfo.productpage.dependencies import BackendsDep, ForwardedDep
from services.bookinfo.productpage.products import PRODUCTS, Product
from services.chassis.forwarding import ForwardedHeaders

router = APIRouter()
SORRY = "Sorry, product {} are currently unavailable for this book."


@router.get("/api/v1/products")
async def list_products() -> list[Product]:
    """Every book."""
    return list(PRODUCTS)


@router.get("/api/v1/products/{product_id}")
async def get_details(product_id: str, backends: BackendsDep, headers: ForwardedDep) -> Response:
    """What details says of a book."""
    return await _passed_on(backends, "details", product_id, headers)


@router.get("/api/v1/products/{product_id}/reviews")
async def get_reviews(product_id: str, backends: BackendsDep, headers: ForwardedDep) -> Response:
    """What reviews says of a book."""
    return await _passed_on(backends, "reviews", product_id, headers)


@router.get("/api/v1/products/{product_id}/ratings")
async def get_ratings(product_id: str, backends: BackendsDep, headers: ForwardedDep) -> Response:
    """What ratings says of a book."""
    return await _passed_on(backends, "ratings", product_id, headers)


@router.get("/health")
async def health() -> PlainTextResponse:
    """What the original answers to whoever asks after its health."""
    return PlainTextResponse("Product page is healthy")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The results of its calls, for Prometheus."""
    return Response(generate_latest(request.state.registry), media_type=CONTENT_TYPE_LATEST)


async def _passed_on(backends: Backends, service: str, product_id: str, headers: ForwardedHeaders) -> Response:
    answer = await backends.ask(service, product_id, headers)
    return JSONResponse(answer.body if answer.ok else {"error": SORRY.format(service)}, answer.status)
