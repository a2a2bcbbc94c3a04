"""Canaille, as pytest-iam starts it: python canaille_provider.py PORT AUDIENCE KID."""

import os
import sys
from datetime import UTC, datetime
from typing import Any
from wsgiref.simple_server import make_server

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc.provider import authorization
from joserfc.jwk import JWKRegistry


class Generator(JWTBearerTokenGenerator):
    """Access tokens of RFC 9068 instead of opaque ones: authlib signs them."""

    def __init__(self, issuer: str, key: dict[str, Any], audience: str) -> None:
        super().__init__(issuer)
        self._key = key
        self._audience = audience

    def get_jwks(self) -> dict[str, Any]:
        return {"keys": [self._key]}

    def get_audiences(self, *_: object) -> str:
        return self._audience


def main(port: int, audience: str, kid: str) -> None:
    key = JWKRegistry.generate_key("RSA", 2048, parameters={"kid": kid, "use": "sig"})
    private = key.as_dict(private=True)
    issuer = f"http://localhost:{port}"
    app = create_app(
        config={
            "ENV_FILE": None,
            "SECRET_KEY": "for-this-test-only",
            "PREFERRED_URL_SCHEME": "http",
            "SERVER_NAME": f"localhost:{port}",
            "CANAILLE": {"DATABASE": "memory"},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [private]},
        },
        env_file=os.devnull,
    )
    signed = Generator(issuer, private, audience)
    authorization.register_token_generator("client_credentials", signed)
    with app.app_context():
        Backend.instance.save(
            models.Client(
                client_id="robot",
                client_secret="for-this-test-only",
                client_name="Robot",
                client_id_issued_at=datetime.now(UTC),
                grant_types=["client_credentials"],
                scope=["catalog", "reports"],
                token_endpoint_auth_method="client_secret_basic",
                redirect_uris=[],
            )
        )
    server = make_server("localhost", port, app)
    print("ready", flush=True)
    server.serve_forever()


main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
