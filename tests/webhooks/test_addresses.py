"""Where webhooks may go: one test for each way of making this machine speak to somebody it should not."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from gateway.webhooks.addresses import Address, Guard, WebhookRefused, is_public


def standing_for(*addresses: str) -> Guard:
    """A guard in whose network every name stands for these."""

    async def resolver(_host: str, _port: int) -> list[Address]:
        return [ip_address(address) for address in addresses]

    return Guard(resolver=resolver)


PUBLIC = standing_for("93.184.215.14")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",  # loopback
        "127.255.255.254",
        "0.0.0.0",  # noqa: S104 - this host
        "10.0.0.1",  # private
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",  # carrier-grade NAT
        "100.100.100.200",  # Alibaba's metadata
        "169.254.169.254",  # everybody else's
        "168.63.129.16",  # Azure's
        "192.0.0.192",  # Oracle's
        "192.0.2.1",  # documentation
        "198.18.0.1",  # benchmarking
        "192.88.99.1",  # 6to4 relay
        "224.0.0.1",  # multicast
        "239.1.1.1",
        "240.0.0.1",  # reserved
        "255.255.255.255",  # broadcast
        "::",
        "::1",
        "::127.0.0.1",  # IPv4-compatible
        "::ffff:127.0.0.1",  # IPv4-mapped
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
        "64:ff9b:1::1",  # local NAT64
        "2002:7f00:1::1",  # 6to4 of 127.0.0.1
        "2002:808:808::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        "2001:db8::1",  # documentation
        "3fff::1",
        "100::1",  # discard
        "fc00::1",  # unique local
        "fd00:ec2::254",  # Amazon's metadata
        "fe80::1",  # link-local
        "fe80::1%eth0",
        "fec0::1",  # site-local
        "ff02::1",  # multicast
        "5f00::1",  # segment routing
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::808:808"]
)
def test_what_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "//example.com/hook",
        "ftp://example.com/hook",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "redis://127.0.0.1/",
        "http://example.com/hook",  # unless that is allowed
        "https://",
        "https:///hook",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com\r\nX-Evil: 1/",
        "https://example.com\\@127.0.0.1/",
        "https://exa mple.com/",
        "https://ex%61mple.com/",
        "https://-example.com/",
        "https://example..com/",
        "https://example.com./",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://127.1/",  # short
        "https://2130706433/",  # decimal
        "https://0x7f000001/",  # hexadecimal
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",  # octal
        "https://017700000001/",
        "https://127.0.0.0x1/",
        "https://127.0.0.1.2.3/",
        "https://１２７.0.0.1/",  # full width
        "https://①②⑦.⓪.⓪.①/",  # circled
        "https://example.com/" + "a" * 2_000,
    ],
)
async def test_spellings_that_are_refused(url: str) -> None:
    with pytest.raises(WebhookRefused) as refused:
        await PUBLIC.check(url)
    assert (refused.value.param, refused.value.code) == ("webhook_url", "webhook_refused")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hook?x=1#y",
        "https://EXAMPLE.com:443/",
        "https://example.com:8443/",
        "https://my_hooks.example.com/",
        "https://bücher.example/",
        "https://93.184.215.14/",
        "https://[2606:4700::1111]/",
    ],
)
async def test_spellings_that_are_taken(url: str) -> None:
    await PUBLIC.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127。0。0。1/",  # ideographic stops are stops in a name
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
    ],
)
async def test_ourselves_by_the_real_resolver(url: str) -> None:
    with pytest.raises(WebhookRefused, match="no public address"):
        await Guard().check(url)


async def test_a_name_is_refused_if_any_of_its_addresses_is() -> None:
    with pytest.raises(WebhookRefused, match="no public address"):
        await standing_for("93.184.215.14", "10.0.0.1").check("https://example.com/")


async def test_an_unknown_name_is_refused_in_the_same_words_as_a_private_one() -> None:
    async def fails(_host: str, _port: int) -> list[Address]:
        raise OSError("Name or service not known")

    with pytest.raises(WebhookRefused) as unknown:
        await Guard(resolver=fails).check("https://db.internal/")
    with pytest.raises(WebhookRefused) as private:
        await standing_for("10.0.0.1").check("https://db.internal/")
    assert unknown.value.message == private.value.message


async def test_what_the_operator_allows() -> None:
    guard = Guard(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"), ip_network("fd00::/8")))
    await guard.check("http://127.0.0.1:8080/")
    await guard.check("http://[fd00::1]/")
    with pytest.raises(WebhookRefused):
        await guard.check("http://10.0.0.1/")
    with pytest.raises(WebhookRefused):
        await guard.check("http://[::ffff:127.0.0.1]/")
