"""Signatures, as another implementation of Standard Webhooks checks them."""

import base64
import time
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.platform.webhooks import Secrets

BODY = '{"name": "Ünïcödé"}'.encode()


class TestHeaders:
    def test_are_verified_with_each_secret_that_signs(self) -> None:
        secrets, key = Secrets("master"), uuid4()

        headers = secrets.headers(
            "msg_1", int(time.time()), BODY, subscription_id=key, numbers=(2, 1)
        )

        for number in (1, 2):
            said = Webhook(secrets.of(key, number)).verify(BODY, dict(headers))
            assert said == {"name": "Ünïcödé"}
        for other in (
            secrets.of(key, 3),
            secrets.of(uuid4(), 1),
            Secrets("another").of(key, 1),
        ):
            with pytest.raises(WebhookVerificationError):
                Webhook(other).verify(BODY, dict(headers))

    @pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "body"])
    def test_are_refused_once_anything_is_changed(self, change: str) -> None:
        secrets, key, now = Secrets("master"), uuid4(), int(time.time())
        signed = secrets.headers("msg_1", now, BODY, subscription_id=key, numbers=[1])
        changed = {**signed, change: str(now - 1)}
        body = b"{}" if change == "body" else BODY

        with pytest.raises(WebhookVerificationError):
            Webhook(secrets.of(key, 1)).verify(body, changed)


class TestSecrets:
    def test_are_as_long_as_the_standard_has_it(self) -> None:
        secret = Secrets("master").of(uuid4(), 1)

        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
