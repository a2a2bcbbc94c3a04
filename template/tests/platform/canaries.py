"""Secrets that are to turn up nowhere, sent by every way into the service."""

from uuid import UUID, uuid4

import httpx
from fastapi import Response
from pydantic import BaseModel, SecretStr
from sqlalchemy import text

from app.platform.errors import Forbidden
from app.platform.idempotency import idempotent_when_asked
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.routing import ANYBODY, Policy, Router

CANARY = "canary-4f1d9c02"
ANY = str(UUID(int=7))
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
    description = (await client.get("/openapi.json")).json()
    ways = [
        (method, path)
        for path, operations in description["paths"].items()
        for method in operations
    ]
    ways += [("post", f"/v1/canaries/{name}") for name in OWN]
    return [
        answer
        for method, path in ways
        for answer in await _ask(client, method, _filled(path))
    ]


OWN = ("kept", "refused", "failed", "not-stored")


async def _ask(
    client: httpx.AsyncClient, method: str, path: str
) -> list[httpx.Response]:
    headers = {
        "Authorization": f"Bearer {CANARY}",
        "Proxy-Authorization": f"Basic {CANARY}",
        "Cookie": f"session={CANARY}",
        "X-API-Key": CANARY,
        "Idempotency-Key": f"{CANARY}-{uuid4()}",
        "Referer": f"https://shop.example/?token={CANARY}",
        "User-Agent": CANARY,
    }
    bodies = [{"password": CANARY}, {"password": {"token": CANARY}}, [CANARY]]
    queries = ["", f"?token={CANARY}", f"?limit={CANARY}"]
    return [
        await client.request(method, path + query, json=body, headers=headers)
        for body in bodies
        for query in queries
    ]


def _filled(path: str) -> str:
    return "/".join(ANY if "{" in part else part for part in path.split("/"))
