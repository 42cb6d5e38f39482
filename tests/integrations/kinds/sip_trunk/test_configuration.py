"""Which configurations of a SIP trunk are stored."""

import pytest

from accounts.errors import Invalid
from integrations.errors import RawCredential
from tests.support.things import make_action, make_trunk

pytestmark = pytest.mark.django_db


# The configuration


def test_what_is_stored(owner, trunk):
    assert trunk.config == {
        "direction": "both",
        "host": "sip.test",
        "port": None,
        "transport": "udp",
        "username": "trunk1",
        "password": "{secrets.sip.password}",
        "realm": "sip.test",
        "empty_realm": False,
        "sign_hosts": [],
        "register": False,
        "algorithms": ["SHA-512-256", "SHA-256", "MD5"],
        "numbers": [],
        "allowed_addresses": [],
        "media_encryption": "allowed",
    }
    assert [(ref.slot, ref.name) for ref in trunk.references.all()] == [("auth.password", "sip.password")]


@pytest.mark.parametrize(
    "config",
    [
        {"host": "93.184.215.14"},
        {"host": "2606:4700::1"},
        {"host": "[2606:4700::1]"},
        {"host": "pbx"},
        {"port": 15060},
        {"numbers": ["+49 40 5550 0100", "0800-123.456"], "allowed_addresses": ["192.0.2.1", "2001:db8::/32"]},
        {"realm": "", "empty_realm": True},
        {"sign_hosts": ["edge.sip.test", "198.51.100.7", "2001:db8::7", "[2001:db8::8]"]},
        {"username": None, "password": None, "direction": "outbound"},
        {"username": None, "password": None, "direction": "inbound", "allowed_addresses": ["192.0.2.0/24"]},
    ],
)
def test_trunks_that_can_be(owner, config):
    assert make_trunk(owner, **config).pk


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"host": ""}, "config.host"),
        ({"host": None}, "config.host"),
        ({"host": "sip:sip.test"}, "config.host"),
        ({"host": "sip.test:5060"}, "config.host"),
        ({"host": "user@sip.test"}, "config.host"),
        ({"host": "sip.test/x"}, "config.host"),
        ({"host": "sip.test;transport=tcp"}, "config.host"),
        ({"host": "{secrets.host}"}, "config.host"),
        ({"host": "127.1"}, "config.host"),
        ({"host": "10.0.0.1"}, "config.host"),
        ({"host": "169.254.169.254"}, "config.host"),
        ({"host": "[::1"}, "config.host"),
        ({"port": 0}, "config.port"),
        ({"port": 65536}, "config.port"),
        ({"port": "5060"}, "config.port"),
        ({"transport": "ws"}, "config.transport"),
        ({"direction": "sideways"}, "config.direction"),
        ({"username": "{params.user}"}, "config.username"),
        ({"username": "a\nb"}, "config.username"),
        ({"username": ""}, "config.username"),
        ({"password": ""}, "config.password"),
        ({"password": "{secrets.}"}, "config.password"),
        ({"password": "{{secrets.x}}"}, "config.password"),
        ({"username": "", "password": "", "register": True}, "config.username"),
        ({"realm": "{secrets.realm}"}, "config.realm"),
        ({"realm": "a\r\nb"}, "config.realm"),
        ({"empty_realm": True}, "config.empty_realm"),
        ({"realm": "", "empty_realm": 1}, "config.empty_realm"),
        ({"sign_hosts": "sip.test"}, "config.sign_hosts"),
        ({"sign_hosts": ["sip:edge.test"]}, "config.sign_hosts[0]"),
        ({"sign_hosts": ["edge.test:5060"]}, "config.sign_hosts[0]"),
        ({"sign_hosts": ["edge.test", "198.51.100.0/24"]}, "config.sign_hosts[1]"),
        ({"sign_hosts": ["2001:db8::1", "[2001:DB8:0::1]"]}, "config.sign_hosts[1]"),
        ({"sign_hosts": ["{secrets.host}"]}, "config.sign_hosts[0]"),
        ({"sign_hosts": ["*.test"]}, "config.sign_hosts[0]"),
        ({"sign_hosts": [f"h{n}.test" for n in range(65)]}, "config.sign_hosts"),
        ({"register": "yes"}, "config.register"),
        ({"algorithms": []}, "config.algorithms"),
        ({"algorithms": ["MD4"]}, "config.algorithms[0]"),
        ({"algorithms": ["MD5", "MD5"]}, "config.algorithms"),
        ({"numbers": ["call me"]}, "config.numbers[0]"),
        ({"numbers": ["+49", "+49"]}, "config.numbers[1]"),
        ({"allowed_addresses": ["sip.test"]}, "config.allowed_addresses[0]"),
        ({"allowed_addresses": ["192.0.2.1/24"]}, "config.allowed_addresses[0]"),
        ({"allowed_addresses": ["0.0.0.0/0"]}, "config.allowed_addresses[0]"),
        ({"media_encryption": "maybe"}, "config.media_encryption"),
        ({"username": "", "password": ""}, "config.allowed_addresses"),
        ({"timeout_seconds": 5}, "config.timeout_seconds"),
    ],
)
def test_trunks_that_cannot_be(owner, config, field):
    with pytest.raises(Invalid) as refusal:
        make_trunk(owner, **config)
    assert field in [error.field for error in refusal.value.errors]
    assert all(error.message.endswith((".", "?", "”.")) for error in refusal.value.errors)


def test_a_password_that_is_typed_in_is_noticed(owner):
    with pytest.raises(RawCredential) as refusal:
        make_trunk(owner, password="kX9vQ2mT7bLw4zR8")
    assert [error.field for error in refusal.value.errors] == ["config.password"]


def test_an_action_takes_no_sip_address(owner):
    with pytest.raises(Invalid) as refusal:
        make_action(owner, uses="", base_url="sip://sip.test:5060")
    assert [error.field for error in refusal.value.errors] == ["config.base_url"]
