"""What every operation of the API tells its readers."""

from collections.abc import Iterator
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app import api
from app.platform.web.routing import routes_of

type Operations = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def operations(application: FastAPI) -> Operations:
    description = application.openapi()
    return [
        (f"{method.upper()} {path}", operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]


class TestDependencies:
    def test_are_coroutines(self) -> None:
        """FastAPI runs all others on a thread, which costs more than most requests."""
        for route in routes_of(api.router):
            if not isinstance(route, APIRoute):
                continue
            for dependency in _dependencies(route.dependant):
                assert _is_asynchronous(dependency), (
                    f"{route.path} depends on {dependency}, which is to be an "
                    "`async def`, or made() if it is a class."
                )


class TestDescription:
    def test_documents_every_error_as_a_problem(self, operations: Operations) -> None:
        for name, operation in operations:
            errors = {
                status: response
                for status, response in operation["responses"].items()
                if not status.startswith(("2", "3"))
            }

            assert errors, f"{name} documents no error."
            for status, response in errors.items():
                assert list(response["content"]) == ["application/problem+json"], (
                    f"{name} answers {status} with something else than a problem."
                )

    def test_says_what_every_operation_does(self, operations: Operations) -> None:
        for name, operation in operations:
            assert operation.get("description"), f"Give {name} a docstring."

    def test_says_of_each_what_it_is_about(self, operations: Operations) -> None:
        said: dict[str, str] = {}
        for name, operation in operations:
            other = said.setdefault(operation["description"], name)

            assert other == name, f"{name} and {other} say the same: name the thing."

    def test_names_every_operation_once(self, operations: Operations) -> None:
        names = [operation["operationId"] for _, operation in operations]

        assert len(names) == len(set(names))

    def test_bounds_every_number_and_list_a_client_may_ask_for(
        self, operations: Operations
    ) -> None:
        for name, operation in operations:
            for parameter in operation.get("parameters", []):
                for schema in _alternatives(parameter["schema"]):
                    if schema.get("type") == "integer":
                        assert "maximum" in schema, f"Bound {name} {parameter['name']}."

    async def test_refuses_what_an_operation_does_not_declare(
        self, operations: Operations, client: httpx.AsyncClient
    ) -> None:
        for name, _ in operations:
            method, path = name.split()

            response = await client.request(method, f"{path}?no_such_parameter=1")

            assert response.status_code == 422, f"{name} is no route of `Router`."
            assert response.json()["errors"][0]["pointer"] == "#/no_such_parameter"


def _dependencies(dependant: Dependant) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _dependencies(dependency)


def _is_asynchronous(call: Any) -> bool:
    called = call if isfunction(call) else type(call).__call__
    return iscoroutinefunction(called) or isasyncgenfunction(called)


def _alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from schema.get("anyOf", [schema])
