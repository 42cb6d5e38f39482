"""Every row of the tables of docs/security-rules.md, "Addresses", at its edges."""

from ipaddress import ip_network

import pytest

from integrations.egress.policy import EgressListError, EgressPolicy, judge_address
from integrations.errors import EgressDenied
from tests.support.integrations.requests import words

NOTHING_OPENED = EgressPolicy()

DENIED_NETWORKS = words("""
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
    2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20
    ::/3 4000::/2 8000::/1 fc00::/7 fe80::/10 fec0::/10 ff00::/8
""")


@pytest.mark.parametrize("network", DENIED_NETWORKS)
def test_first_and_last_address_of_every_denied_network_are_refused(network):
    for address in (ip_network(network)[0], ip_network(network)[-1]):
        with pytest.raises(EgressDenied):
            judge_address(str(address), 443, NOTHING_OPENED)


PUBLIC = words("""
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
    169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
    198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 168.63.129.15 168.63.129.17
    2000:: 2001:200:: 2001:db7:ffff:: 2001:db9:: 2003:: 2606:4700:4700::1111 2620:4f:7fff:: 2620:4f:8001:: 3ffe:ffff::
    3fff:1000:: ::ffff:8.8.8.8
""")


@pytest.mark.parametrize("address", PUBLIC)
def test_the_neighbours_of_denied_networks_and_other_public_addresses_are_admitted(address):
    judge_address(address, 443, NOTHING_OPENED)


CARRIERS = {
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "mapped private": "::ffff:10.0.0.1",
    "compatible loopback": "::127.0.0.1",
    "NAT64 of a public address": "64:ff9b::8.8.8.8",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "local NAT64": "64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::1",
    "6to4 of a public address": "2002:808:808::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "SIIT": "::ffff:0:127.0.0.1",
    "unspecified": "::",
    "loopback": "::1",
    "zone id": "fe80::1%eth0",
    "zone id of a public address": "2606:4700::1%1",
}


@pytest.mark.parametrize("address", CARRIERS.values(), ids=CARRIERS)
def test_ipv6_that_carries_or_hides_another_address_is_refused(address):
    with pytest.raises(EgressDenied):
        judge_address(address, 443, NOTHING_OPENED)


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "0177.0.0.1", "0x7f.0.0.1", "1.1.1.1 ", "1.1.1", "2130706433", "[::1]"]
)
def test_what_is_not_an_address_is_refused(text):
    with pytest.raises(EgressDenied):
        judge_address(text, 443, EgressPolicy.parse("127.0.0.1/32, ::1/128"))


@pytest.mark.parametrize(
    ("opened", "address"),
    [
        ("10.20.0.0/16", "10.20.3.4"),
        ("127.0.0.1/32", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1/128", "::1"),
        ("fd00::/8", "fd12:3456::1"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
    ],
)
def test_an_opened_network_admits_its_addresses(opened, address):
    judge_address(address, 443, EgressPolicy.parse(opened))


@pytest.mark.parametrize(
    ("opened", "address"),
    [
        ("10.20.0.0/16", "10.21.0.1"),
        ("127.0.0.1/32", "127.0.0.2"),
        ("127.0.0.1/32", "::1"),
        ("169.254.0.0/16", "169.254.169.254"),
        ("fe80::/10", "fe80::1"),
        ("fd00::/8", "fd00:ec2::254"),
        ("fd00::/8", "fd20:ce::254"),
        ("168.63.0.0/16", "168.63.129.16"),
        ("100.64.0.0/10", "100.100.100.200"),
        ("64:ff9b::/96", "64:ff9b::a9fe:a9fe"),
        ("2002::/16", "2002:a9fe:a9fe::1"),
        ("::ffff:0:0:0/96", "::ffff:0:127.0.0.1"),
        ("::a00:0/104", "::10.1.2.3"),
        ("64:ff9b:1::/48", "64:ff9b:1::a00:1"),
        ("2001::/32", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("0.0.0.0/8", "0.0.0.0"),
        ("169.254.169.254/32", "::ffff:169.254.169.254"),
    ],
)
def test_opening_a_network_opens_nothing_else_and_never_metadata(opened, address):
    with pytest.raises(EgressDenied):
        judge_address(address, 443, EgressPolicy.parse(opened))


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_an_empty_list_opens_nothing(text):
    assert EgressPolicy.parse(text).opened == NOTHING_OPENED.opened == ()


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "localhost",
        "10.20.0.0/16;127.0.0.1/32",
        "127.0.0.0/8",
        "64.0.0.0/2",
        "::/64",
    ],
)
def test_a_list_that_opens_too_much_or_cannot_be_read_is_an_error(text):
    with pytest.raises(EgressListError):
        EgressPolicy.parse(text)


# Ports


@pytest.mark.parametrize("opened", ["10.20.0.0/16:8443", "10.20.0.7:8443", "10.0.0.0/8:443, 10.20.0.0/16:8443"])
def test_network_is_opened_on_its_port_alone(opened):
    policy = EgressPolicy.parse(opened)
    judge_address("10.20.0.7", 8443, policy)
    for address, port in (("10.20.0.7", 8444), ("10.21.0.7", 8443), ("10.20.0.7", 22)):
        with pytest.raises(EgressDenied):
            judge_address(address, port, policy)


def test_ipv6_network_with_a_port_stands_in_brackets():
    policy = EgressPolicy.parse("[fd00:1::/32]:8443")
    judge_address("fd00:1::7", 8443, policy)
    with pytest.raises(EgressDenied):
        judge_address("fd00:1::7", 443, policy)


@pytest.mark.parametrize(
    "text", ["10.20.0.0/16:0", "10.20.0.0/16:65536", "10.20.0.0/16:x", "fd00::/8:8443:1", "[::/0]:443", "0.0.0.0/0:443"]
)
def test_malformed_port_is_an_error(text):
    with pytest.raises(EgressListError):
        EgressPolicy.parse(text)


# NAT64

EMBEDDED = {  # RFC 6052 section 2.4, with 192.0.2.33 replaced
    "2600:db8::/32": "2600:db8:{a}{b}:{c}{d}::",
    "2600:db8:100::/40": "2600:db8:1{a}:{b}{c}:{d}::",
    "2600:db8:122::/48": "2600:db8:122:{a}{b}:{c}:{d}00::",
    "2600:db8:122:300::/56": "2600:db8:122:3{a}:{b}:{c}{d}::",
    "2600:db8:122:344::/64": "2600:db8:122:344:{a}:{b}{c}:{d}00::",
    "2600:db8:122:344::/96": "2600:db8:122:344::{a}{b}:{c}{d}",
    "64:ff9b::/96": "64:ff9b::{a}{b}:{c}{d}",
}


def embedded(form, ipv4):
    return form.format(**{name: f"{int(octet):02x}" for name, octet in zip("abcd", ipv4.split("."), strict=True)})


@pytest.mark.parametrize(("prefix", "form"), EMBEDDED.items(), ids=EMBEDDED)
def test_address_behind_a_gateway_is_judged_as_the_address_it_leads_to(prefix, form):
    policy = EgressPolicy.parse("", prefix)
    judge_address(embedded(form, "8.8.4.4"), 443, policy)
    for ipv4 in ("10.1.2.3", "127.0.0.1", "169.254.169.254", "0.0.0.0", "192.168.0.1"):
        with pytest.raises(EgressDenied):
            judge_address(embedded(form, ipv4), 443, policy)
    judge_address(embedded(form, "10.1.2.3"), 8443, EgressPolicy.parse("10.0.0.0/8:8443", prefix))


@pytest.mark.parametrize("text", ["10.0.0.0/8", "2600::/33", "64:ff9b::", "x"])
def test_prefix_that_embeds_no_address_is_an_error(text):
    with pytest.raises(EgressListError):
        EgressPolicy.parse("", text)
