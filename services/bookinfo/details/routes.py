"""Details' HTTP interface."""

from fastapi import APIRouter, Request

from services.bookinfo.calls import HeadersAndUserDep
from services.bookinfo.details.external import fetch
from services.bookinfo.details.models import Details, printed
from services.bookinfo.refusals import numeric

router = APIRouter()


@router.get("/details/{product_id}")
async def get_details(product_id: str, request: Request, headers: HeadersAndUserDep) -> Details:
    """A book's details."""
    number = numeric(product_id, "please provide numeric product id")
    settings = request.state.settings
    if settings.enable_external_book_service:
        return await fetch(request.state.caller, settings.external_book_service, number, headers)
    return printed(number)


@router.get("/health")
async def health() -> dict[str, str]:
    """What the original answers to whoever asks after its health."""
    return {"status": "Details is healthy"}
