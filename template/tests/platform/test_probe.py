"""The probe finds the admin port wherever it is."""

import asyncio
import socket
import sys
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2]
HEAD = b"HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n"


async def probe(host: str, port: int) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.probe", "/livez"),
        cwd=SERVICE,
        env={"ADMIN__HOST": host, "ADMIN__PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


@pytest.mark.parametrize(
    ("listens", "told"),
    [
        ("127.0.0.1", "0.0.0.0"),
        ("127.0.0.1", "localhost"),
        ("::1", "::"),
        ("::1", "::1"),
    ],
)
@pytest.mark.parametrize(("status", "code"), [(b"200", 0), (b"503", 1)])
async def test_passes_on_how_the_server_is(
    listens: str, told: str, status: bytes, code: int
) -> None:
    if ":" in listens and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD % status)
        writer.close()

    server = await asyncio.start_server(answer, listens, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]

        assert await probe(told, port) == code


async def test_fails_where_nobody_listens() -> None:
    assert await probe("127.0.0.1", 1) == 1
