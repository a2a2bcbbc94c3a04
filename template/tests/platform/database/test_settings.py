import pytest
from pydantic import SecretStr, ValidationError

from app.platform.database import DatabaseSettings


def settings(address: str) -> DatabaseSettings:
    return DatabaseSettings(url=SecretStr(f"postgresql+asyncpg://{address}"))


def reasons(address: str) -> list[str]:
    return [refusal.reason for refusal in settings(address).unsafe()]


class TestUrl:
    @pytest.mark.parametrize(
        ("address", "reason"),
        [
            ("shop:hush@db:many/shop", "is no URL that SQLAlchemy can read"),
            ("shop:hush@/shop", "names no host"),
            ("db:5432/shop", "names no user"),
            ("shop:hush@db", "names no database"),
            ("shop:hush@db/", "names no database"),
            ("shop:hush@db/shop?sslmode=require", r"asyncpg's word is \?ssl="),
            ("shop:hush@db/shop?connect_timeout=3", "DATABASE__CONNECT_TIMEOUT"),
            ("shop:hush@db/shop?options=-c", r"cannot end in \?options="),
            ("shop:hush@db/shop?password=other", r"cannot end in \?password="),
            ("shop:hush@db/shop?ssl=disable&ssl=verify-full", "says ssl twice"),
            ("shop:hush@db/shop?ssl=require", "must not say ssl=require"),
            ("shop:hush@db/shop?ssl=prefer", "must not say ssl=prefer"),
            ("shop:hush@/shop?host=a&host=b:1", "is no URL"),
            ("shop:hu@sh@db/shop", "in a password, write %40"),
        ],
    )
    def test_that_cannot_work_is_refused(self, address: str, reason: str) -> None:
        with pytest.raises(ValidationError, match=reason) as refused:
            settings(address)

        assert "hu" not in str(refused.value)

    def test_of_another_driver_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="must begin with"):
            DatabaseSettings(url=SecretStr("postgresql://shop@db/shop"))

    def test_of_tls_without_authorities_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")

        with pytest.raises(ValidationError, match="holds no certificates"):
            settings("shop:own-long-word@db/shop?ssl=verify-full")


class TestUnsafe:
    @pytest.mark.parametrize(
        "address",
        [
            "shop:own-long-word@localhost/shop",
            "shop:own-long-word@db/shop?host=127.0.0.1",
            "shop:own-long-word@/shop?host=db-1:5432&host=localhost:5432",
        ],
    )
    def test_is_the_host_that_the_driver_will_ask(self, address: str) -> None:
        [reason] = reasons(address)

        assert reason.startswith("names this machine")

    @pytest.mark.parametrize(
        "address",
        [
            "shop:own-long-word@db.example/shop",
            "shop:own-long-word@db.example/shop?ssl=disable",
            "shop:own-long-word@db/shop?host=db.example",
            "shop:own-long-word@/shop?host=db:5432&host=db.example:5432",
        ],
    )
    def test_is_plain_text_with_a_public_host(self, address: str) -> None:
        assert reasons(address) == ["speaks to a public host without TLS"]

    @pytest.mark.parametrize(
        "address",
        [
            "shop:own-long-word@db.example/shop?ssl=verify-full",
            "shop:own-long-word@db/shop?application_name=api",
            "shop:own-long-word@/shop?host=/run/postgresql",
        ],
    )
    def test_is_not_what_is_proven_private_or_a_socket(self, address: str) -> None:
        assert reasons(address) == []
