"""What every service answers to a method that a path does not take."""

import importlib
import re

import pytest
from fastapi.routing import iter_route_contexts

from tests.services.asgi import client_of
from tests.services.processes import SERVICES


@pytest.mark.parametrize("service", SERVICES)
async def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_does(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings()
    app = importlib.import_module(f"services.{service}.app").create_app(settings)
    paths = {
        re.sub(r"{\w+}", "0", route.path) for route in iter_route_contexts(app.routes) if route.path and route.methods
    }
    assert len(paths) > 4
    async with client_of(app) as client:
        answers = {path: await client.request("TRACE", path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {405}
    assert all(answer.headers["allow"] for answer in answers.values())
