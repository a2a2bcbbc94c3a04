"""Which addresses are nobody's to send to, however they are written."""

import httpx
import pytest

from app.platform.webhooks import ReceiverRefused, WebhookSender, WebhooksSettings
from tests.platform.webhooks.conftest import Names

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:93.184.216.34",
    "64:ff9b::10.0.0.1",
    "2001:0:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


class TestFind:
    @pytest.mark.parametrize("address", PRIVATE)
    async def test_refuses_what_is_not_public(
        self, strict: WebhookSender, names: Names, address: str
    ) -> None:
        names.answers = [[address], ["93.184.216.34", address]]

        for _ in range(2):
            with pytest.raises(ReceiverRefused, match="public"):
                await strict.judge("https://receiver.example/")

    async def test_takes_what_is(self, strict: WebhookSender, names: Names) -> None:
        both = ["93.184.216.34", "2606:2800:220:1::1"]
        names.answers = [both]

        found = await strict.receivers.find(httpx.URL("https://receiver.example:8443"))

        assert [str(each) for each in found] == both

    @pytest.mark.parametrize(
        "url",
        [
            "http://receiver.example/",
            "ftp://receiver.example/",
            "https://receiver.example:22/",
            "https://receiver.example:80/",
            "https://user@receiver.example/",
            "https://:hush@receiver.example/",
            "https://receiver.example/#fragment",
            "https:///nowhere",
            "https://receiver.example:99999/",
            "//receiver.example/",
            "receiver.example",
        ],
    )
    async def test_refuses_odd_urls_without_asking_for_a_name(
        self, strict: WebhookSender, names: Names, url: str
    ) -> None:
        with pytest.raises(ReceiverRefused):
            await strict.judge(url)

        assert names.asked == []

    @pytest.mark.parametrize(
        "host",
        ["127.1", "0x7f.1", "2130706433", "017700000001", "localhost", "[::1]"],
    )
    async def test_reads_addresses_as_the_system_does(self, host: str) -> None:
        sender = WebhookSender(WebhooksSettings())

        with pytest.raises(ReceiverRefused, match=r"public|no address"):
            await sender.judge(f"https://{host}/")

    async def test_lets_in_what_is_allowed_and_nothing_beside_it(
        self, names: Names
    ) -> None:
        sender = WebhookSender(WebhooksSettings(allowed_networks="10.0.0.0/8, ::1/128"))
        sender.receivers.resolve = names
        names.answers = [["10.0.0.1"], ["::1"], ["10.0.0.1", "192.168.0.1"]]

        await sender.judge("http://receiver.example:8080/")
        await sender.judge("http://receiver.example/")
        with pytest.raises(ReceiverRefused):
            await sender.judge("https://receiver.example/")


class TestSettings:
    @pytest.mark.parametrize("networks", ["10.0.0.0/33", "everywhere", "10.0.0.1/8"])
    def test_refuse_what_is_no_network(self, networks: str) -> None:
        with pytest.raises(ValueError, match="allowed_networks"):
            WebhooksSettings(allowed_networks=networks)

    def test_are_unsafe_outside_development(self) -> None:
        unsafe = WebhooksSettings(allowed_networks="127.0.0.0/8").unsafe()

        assert [refusal.name for refusal in unsafe] == ["secret", "allowed_networks"]
