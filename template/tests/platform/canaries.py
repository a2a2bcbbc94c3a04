"""Secrets that are to turn up nowhere, sent by every way into the service."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import Response
from pydantic import BaseModel, SecretStr
from sqlalchemy import text

from app.platform.errors import Forbidden
from app.platform.idempotency import idempotent_when_asked
from app.platform.observability.context import ADMIN
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.routing import ANYBODY, Policy, Router
from tests.fixtures.service import AskLogIn, Service, Show

CANARY = "canary-4f1d9c02"
ANY = str(UUID(int=7))
EMAIL, PASSWORD = "ada@example.com", "correct horse canary battery"
# What those that show a secret once are asked with; nothing is sent to the address.
DRAFT: Mapping[str, object] = {"events": [], "name": "x", "url": "https://1.1.1.1/"}
OWN = ("kept", "refused", "failed", "not-stored")
router = Router(
    prefix="/canaries",
    policy=Policy(access=ANYBODY, idempotency=idempotent_when_asked),
)


class Login(BaseModel):
    password: SecretStr


@router.post("/kept", status_code=201)
async def log_in(login: Login, response: Response) -> Login:
    response.set_cookie("session", login.password.get_secret_value())
    return login


@router.post("/refused")
async def refuse(login: Login) -> None:
    password = login.password.get_secret_value()
    raise Forbidden("Not with that.", password=password, inner={"api_key": password})


@router.post("/failed")
async def fail(login: Login) -> None:
    _ = login.password.get_secret_value()
    raise LookupError("gone")


@router.post("/not-stored")
async def store(login: Login, unit: UnitOfWorkDep) -> None:
    value = {"value": login.password.get_secret_value()}
    await unit.session.execute(text("SELECT CAST(:value AS text)::int"), value)


async def push(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Ask every operation, with the secret wherever one may be; give the answers."""
    ways = await _operations(client)
    ways += [("post", f"/v1/canaries/{name}") for name in OWN]
    bodies = [{"password": CANARY}, {"password": {"token": CANARY}}, [CANARY]]
    queries = ["", f"?token={CANARY}", f"?limit={CANARY}"]
    return [
        answer
        for method, path in ways
        for answer in await _ask(
            client, method, path, CANARY, bodies=bodies, queries=queries
        )
    ]


async def push_real(
    client: httpx.AsyncClient, secrets: dict[str, str]
) -> list[httpx.Response]:
    """Ask every operation with each secret that the service has made itself."""
    answers = []
    for kind, secret in secrets.items():
        query = urlencode({"token": secret})
        for method, path in await _operations(client):
            body = {kind: secret, "name": secret}
            answers += await _ask(
                client, method, path, secret, bodies=[body], queries=[f"?{query}"]
            )
    return answers


async def _operations(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    paths = (await client.get("/openapi.json")).json()["paths"]
    return [
        (method, "/".join(ANY if "{" in part else part for part in path.split("/")))
        for path, operations in paths.items()
        for method in operations
    ]


async def _ask(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    secret: str,
    *,
    bodies: Sequence[object],
    queries: Sequence[str],
) -> list[httpx.Response]:
    # What the client itself shows, if that is a cookie.
    cookie = client.headers.get("Cookie", "session").partition("=")[0]
    headers = {
        "Authorization": f"Bearer {secret}",
        "Proxy-Authorization": f"Basic {secret}",
        "Cookie": f"{cookie}={secret}",
        "X-API-Key": secret,
        "Idempotency-Key": f"{secret[:200]}-{uuid4()}",
        "Referer": f"https://shop.example/?token={secret}",
        "User-Agent": secret,
    }
    return [
        await client.request(method, path + query, json=body, headers=headers)
        for body in bodies
        for query in queries
    ]


@pytest.fixture
async def secrets(
    service: Service, show: Show, request: pytest.FixtureRequest
) -> dict[str, str]:
    """One of each kind of secret that this service makes or is told."""
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    accounts: Any = None
    if "/v1/accounts" in paths:
        accounts = request.getfixturevalue("ask_log_in")
    return await real_secrets(service, await show(service.platform, ADMIN), accounts)


async def real_secrets(
    service: Service, headers: dict[str, str], log_in: AskLogIn | None
) -> dict[str, str]:
    """Have the service make each secret that it makes, by the routes that it has."""
    client, secrets = service.client, {}
    if headers:
        [shown, *_] = headers.values()
        secrets["credential"] = re.split("[ =]", shown, maxsplit=1)[1]
    if log_in:
        await _register(service)
        given = await log_in(client, EMAIL, PASSWORD)
        secrets |= {"password": PASSWORD}
        if cookie := given.headers.get("set-cookie"):
            secrets["session"] = cookie.partition("=")[2].partition(";")[0]
        else:
            told = given.json()
            secrets |= {name: told[name] for name in ("access_token", "refresh_token")}
    description = (await client.get("/openapi.json")).json()
    schemas = description["components"]["schemas"]
    for path, operations in description["paths"].items():
        if "{" in path:
            continue
        answer = operations.get("post", {}).get("responses", {}).get("201")
        told = schemas[_schema(answer)]["properties"] if answer else {}
        for name in {"key", "secret"} & told.keys():
            needed = schemas[_schema(operations["post"]["requestBody"])]["required"]
            made = await client.post(path, json={each: DRAFT[each] for each in needed})
            assert made.status_code == 201, made.text
            secrets[name] = made.json()[name]
    return secrets


def _schema(described: dict[str, Any]) -> str:
    reference: str = described["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


async def _register(service: Service) -> None:
    draft = {"email": EMAIL, "password": PASSWORD}
    await service.client.post("/v1/accounts", json=draft)
    verified = "UPDATE accounts SET verified_at = now() WHERE deleted_at IS NULL"
    async with service.platform.database.unit_of_work() as unit:
        await unit.session.execute(text(verified))
