import pytest
from pydantic import SecretStr

from app.platform.configuration import refuse_url, speaks


def reasons(url: str, *, encrypted: bool | None = None) -> list[str]:
    refusals = refuse_url("url", SecretStr(url), encrypted=encrypted)
    return [refusal.reason for refusal in refusals]


class TestRefuseUrl:
    @pytest.mark.parametrize(
        "host", ["localhost", "shop.LOCALHOST", "127.0.0.2", "[::1]", "0.0.0.0"]
    )
    def test_refuses_this_machine(self, host: str) -> None:
        [reason] = reasons(f"smtps://{host}:25")

        assert reason.startswith("names this machine")

    @pytest.mark.parametrize(
        "login", ["postgres:postgres", "guest:guest", "shop:Shop", "shop:chang%65me"]
    )
    def test_refuses_a_password_that_everybody_knows(self, login: str) -> None:
        assert reasons(f"https://{login}@db") == ["has a password that everybody knows"]

    @pytest.mark.parametrize(
        "url", ["http://carrier.example", "smtp://shop:s3cret@mail.example:25"]
    )
    def test_refuses_an_open_conversation_with_a_public_host(self, url: str) -> None:
        assert reasons(url) == ["speaks to a public host without TLS"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://carrier.example",
            "smtps://shop:s3cret@mail.example",
            "smtp://shop:s3cret@mail",
            "smtp://shop:s3cret@10.1.2.3",
            "http://carrier.shop.svc.cluster.local",
            "unix:///run/server.sock",
        ],
    )
    def test_lets_a_private_network_and_tls_be(self, url: str) -> None:
        assert reasons(url) == []

    def test_believes_whoever_knows_better_than_the_scheme(self) -> None:
        assert reasons("sql://shop:s3cret@db.example", encrypted=True) == []
        assert reasons("sqls://shop:s3cret@db.example", encrypted=False) != []

    def test_has_nothing_against_none(self) -> None:
        assert list(refuse_url("url", None)) == []


class TestSpeaks:
    @pytest.mark.parametrize("url", ["", "db", "ftp://:hush@db", "smtp://[hush"])
    def test_refuses_another_scheme_without_repeating_a_secret(self, url: str) -> None:
        check = speaks("smtp", "smtps").func

        with pytest.raises(ValueError, match="must be") as refused:
            check(SecretStr(url))  # type: ignore[call-arg]

        assert "hush" not in str(refused.value)
