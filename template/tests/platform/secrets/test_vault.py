import json
from pathlib import Path
from time import sleep
from uuid import uuid4

import pytest
from anyio import to_thread
from pydantic import HttpUrl, SecretStr, ValidationError

from app.platform.secrets import NotReadError
from app.platform.secrets.vault import VaultSecretsSettings
from tests.fixtures.secrets_vault import OpenBao
from tests.fixtures.third_party import Stub, answer, drop
from tests.platform.secrets.contract import (
    ReadinessContract,
    SecretsContract,
    SettingsContract,
)

HELD = {"DATABASE__URL": "first"}


def said(told: object) -> bytes:
    return json.dumps({"data": told}).encode()


class TestVaultSecrets(SecretsContract):
    async def test_are_waited_for_by_a_start(self, kept: OpenBao) -> None:
        async with Stub.open() as stub:
            stub.script = [answer(503), drop, answer(429)]
            stub.behaviour = answer(body=said({"data": HELD}))
            settings = kept.settings(url=HttpUrl(stub.url), start_seconds=60)

            held = await to_thread.run_sync(settings.opened().known)

        assert held == HELD

    def test_are_not_had_with_a_token_that_has_expired(self, kept: OpenBao) -> None:
        kept.put(**HELD)
        token = kept.new_token(explicit_max_ttl="1s")
        secrets = kept.settings(token=SecretStr(token)).opened()

        held = secrets.known()
        sleep(1.5)
        secrets.refresh()

        assert held == HELD
        assert secrets.failure is not None
        assert secrets.failure.startswith("SECRETS__TOKEN is refused, has expired")
        assert secrets.find("DATABASE__URL") == "first"

    def test_keep_their_token_alive(self, kept: OpenBao) -> None:
        kept.put(**HELD)
        token = kept.new_token(period="3s")
        secrets = kept.settings(token=SecretStr(token)).opened()

        secrets.known()
        for _ in range(2):
            sleep(2)
            secrets.refresh()

        assert secrets.failure is None

    async def test_are_had_by_a_service_account(
        self, kept: OpenBao, tmp_path: Path
    ) -> None:
        (tmp_path / "jwt").write_text("of-the-pod\n")
        auth = {"client_token": kept.token, "lease_duration": 3600}
        async with Stub.open() as stub:
            stub.script = [answer(body=json.dumps({"auth": auth}).encode())]
            stub.behaviour = answer(body=said({"data": HELD}))
            secrets = kept.settings(
                url=HttpUrl(stub.url),
                method="kubernetes",
                role="shop",
                jwt_file=str(tmp_path / "jwt"),
                namespace="team",
            ).opened()

            held = await to_thread.run_sync(secrets.known)
            await to_thread.run_sync(secrets.refresh)

        log_in, *reads = stub.received
        assert held == HELD
        assert log_in.target == "/v1/auth/kubernetes/login"
        assert json.loads(log_in.body) == {"role": "shop", "jwt": "of-the-pod"}
        assert [read.headers["x-vault-token"] for read in reads] == [kept.token] * 2
        assert {each.headers["x-vault-namespace"] for each in stub.received} == {"team"}

    def test_are_not_had_without_the_account_s_token(self, kept: OpenBao) -> None:
        settings = kept.settings(method="kubernetes", role="shop", jwt_file="/nowhere")

        with pytest.raises(NotReadError, match="SECRETS__JWT_FILE cannot be read"):
            settings.opened().known()


class TestRole:
    @pytest.fixture
    def role(self, kept: OpenBao) -> VaultSecretsSettings:
        """Let a role log in for two seconds at a time."""
        mount = uuid4().hex
        kept.put(**HELD)
        kept.new_token()
        kept.tell("POST", f"sys/auth/{mount}", type="approle")
        role = f"auth/{mount}/role/shop"
        kept.tell("POST", role, token_policies=[kept.policy], token_ttl="2s")
        return kept.settings(
            method="approle",
            token=None,
            login_mount=mount,
            role_id=kept.tell("GET", f"{role}/role-id")["role_id"],
            secret_id=SecretStr(kept.tell("POST", f"{role}/secret-id")["secret_id"]),
        )

    def test_logs_in_anew_when_its_time_is_over(
        self, kept: OpenBao, role: VaultSecretsSettings
    ) -> None:
        secrets = role.opened()
        secrets.known()

        sleep(2.2)
        secrets.refresh()

        assert secrets.failure is None

    def test_logs_in_anew_when_it_was_thrown_out(
        self, kept: OpenBao, role: VaultSecretsSettings
    ) -> None:
        secrets = role.opened()
        secrets.known()

        kept.tell("PUT", f"sys/leases/revoke-prefix/auth/{role.login_mount}")
        secrets.refresh()

        assert secrets.failure is None

    def test_is_refused_with_another_s_secret(self, role: VaultSecretsSettings) -> None:
        other = role.model_copy(update={"secret_id": SecretStr(uuid4().hex)})

        with pytest.raises(NotReadError, match="SECRETS__SECRET_ID is refused"):
            other.opened().known()


class TestSettings(SettingsContract):
    @pytest.mark.parametrize(
        ("method", "missing"),
        [
            ("token", "SECRETS__PATH and SECRETS__TOKEN"),
            ("approle", "SECRETS__PATH and SECRETS__ROLE_ID and SECRETS__SECRET_ID"),
            ("kubernetes", "SECRETS__PATH and SECRETS__ROLE"),
        ],
    )
    def test_name_what_a_method_needs(self, method: str, missing: str) -> None:
        given = {"url": "https://vault.example", "method": method}

        with pytest.raises(ValidationError, match=f"needs {missing} with"):
            VaultSecretsSettings.model_validate(given)

    def test_are_safe_over_tls_or_beside_the_service(self) -> None:
        urls = {
            None: "",
            "http://vault.example": "is not https",
            "https://vault.example": "",
            "http://127.0.0.1:8200": "",
        }
        for url, reason in urls.items():
            given = {"url": url, "path": "shop", "token": "s.token"}
            settings = VaultSecretsSettings.model_validate(given)

            said = [refusal.reason for refusal in settings.unsafe()]
            assert len(said) == bool(reason)
            assert all(each.startswith(reason) for each in said)


class TestReadiness(ReadinessContract):
    pass
