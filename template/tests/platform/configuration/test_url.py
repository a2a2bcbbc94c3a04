import pytest
from pydantic import HttpUrl, SecretStr

from app.platform.configuration import (
    Address,
    readable_by,
    refuse_address,
    refuse_plain_text,
    refuse_url,
    split,
)


def reasons(url: str, *, encrypted: bool = False) -> list[str]:
    address = split(url)._replace(encrypted=encrypted)
    return [refusal.reason for refusal in refuse_address("url", address)]


class TestRefuseAddress:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "localhost.",
            "shop.LOCALHOST",
            "127.0.0.2",
            "127.1",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "db@127.0.0.1",
            "%31%32%37.0.0.1",
        ],
    )
    def test_refuses_this_machine(self, host: str) -> None:
        [reason] = reasons(f"smtps://{host}:25")

        assert reason.startswith("names this machine")

    def test_refuses_this_machine_among_others(self) -> None:
        [refusal] = refuse_address("url", Address(("db-1", "::1")))

        assert refusal.reason.startswith("names this machine")

    @pytest.mark.parametrize(
        "login",
        ["postgres:postgres", "guest:guest", "s:S", "shop:chang%65me", ":local-only"],
    )
    def test_refuses_a_password_that_everybody_knows(self, login: str) -> None:
        assert reasons(f"tcp://{login}@db") == ["has a password that everybody knows"]

    def test_refuses_a_short_password(self) -> None:
        assert reasons("tcp://shop:own-word@db") == [
            "has a password of fewer than 12 characters"
        ]

    @pytest.mark.parametrize("host", ["mail.example:25", "8.8.8.8", "134744072"])
    def test_refuses_an_open_conversation_with_a_public_host(self, host: str) -> None:
        url = f"smtp://shop:own-long-word@{host}"

        assert reasons(url) == ["speaks to a public host without TLS"]
        assert reasons(url, encrypted=True) == []

    @pytest.mark.parametrize("host", ["mail", "10.1.2.3", "mail.shop.svc.local"])
    def test_lets_a_private_network_be(self, host: str) -> None:
        assert reasons(f"smtp://shop:own-long-word@{host}") == []

    def test_lets_a_socket_be(self) -> None:
        assert list(refuse_address("url", Address((), password="own-long-word"))) == []


class TestRefuseUrl:
    def test_demands_tls_of_a_public_host(self) -> None:
        assert [*refuse_url("url", HttpUrl("http://carrier.example"))] != []
        assert [*refuse_url("url", HttpUrl("https://carrier.example"))] == []
        assert [*refuse_plain_text("url", HttpUrl("http://carrier.example"))] != []

    def test_refuses_this_machine_but_where_anything_may_run(self) -> None:
        assert [*refuse_url("url", HttpUrl("http://localhost:4318"))] != []
        assert [*refuse_plain_text("url", HttpUrl("http://localhost:4318"))] == []

    def test_has_nothing_against_none(self) -> None:
        assert list(refuse_url("url", None)) == []


class TestReadableBy:
    @pytest.mark.parametrize(
        "url",
        ["", "db", "ftp://:hush@db", "smtp://[hush", "smtp://:hush@", "smtp://h:hush"],
    )
    def test_refuses_without_repeating_a_secret(self, url: str) -> None:
        check = readable_by(split, "smtp", "smtps").func

        with pytest.raises(ValueError, match=r"must begin|that is none|no host") as no:
            check(SecretStr(url))  # type: ignore[call-arg]

        assert "hush" not in str(no.value)
