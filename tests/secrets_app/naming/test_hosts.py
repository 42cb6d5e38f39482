"""One spelling for a host name, and what is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_app.naming.hosts import ends_in_number, is_special_name, to_a_labels

NAMES = {
    "api.example.com": "api.example.com",
    "API.Example.COM": "api.example.com",
    "a_b.1password.com": "a_b.1password.com",
    "localhost": "localhost",
    "127.0.0.1": "127.0.0.1",
    "münchen.de": "xn--mnchen-3ya.de",
    "MÜNCHEN.de": "xn--mnchen-3ya.de",
    "XN--mnchen-3ya.DE": "xn--mnchen-3ya.de",
    "faß.de": "xn--fa-hia.de",
    "a_b.münchen.de": "a_b.xn--mnchen-3ya.de",
    "a" * 63 + ".com": "a" * 63 + ".com",
    "r3---sn-ab5l6n7s.example.com": "r3---sn-ab5l6n7s.example.com",
    "hg--69.example.com": "hg--69.example.com",
    "i\u2764.ws": "xn--i-7iq.ws",
    "\u2764\ufe0f.ws": "xn--qei.ws",
    "\U0001f44b\U0001f3fd.to": "xn--on8h1e.to",
}


@pytest.mark.parametrize(("name", "spelt"), NAMES.items())
def test_a_name_is_spelt_in_a_labels(name, spelt):
    assert to_a_labels(name) == spelt
    assert to_a_labels(spelt) == spelt


NO_NAMES = {
    "empty": "",
    "final dot": "example.com.",
    "empty label": "api..example.com",
    "ideographic full stop": "example\u3002com",
    "fullwidth full stop": "münchen\uff0ede",
    "mapped to ASCII": "\u212aoffer.com",
    "Kelvin sign beside a real letter": "\u212aü.com",
    "fullwidth letters": "\uff45vil.com",
    "soft hyphen": "exam\u00adple.com",
    "A-label of ASCII": "xn--abc-.com",
    "A-label that is not canonical": "xn---bbk.com",
    "undecodable A-label": "xn--99999999.com",
    "symbol that stands for a letter": "a\u24d1.com",
    "emoji beside a letter that is none": "\u2764\uff45.com",
    "edge hyphen": "-a.com",
    "long label": "a" * 64 + ".com",
    "long name": "a." * 127 + "com",
    "long once encoded": ".".join(["ü" * 20] * 12),
    "half of a surrogate pair": "\ud800.com",
    "line break": "example.com\n",
}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_anything_else_is_no_name(name):
    assert to_a_labels(name) is None


@pytest.mark.parametrize("name", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "a.0x", "example.123"])
def test_what_resolvers_take_for_an_address_ends_in_a_number(name):
    assert ends_in_number(name)


@pytest.mark.parametrize("name", ["1.example.com", "example.a1", "0x.com", "example.x0"])
def test_a_number_elsewhere_does_not_count(name):
    assert not ends_in_number(name)


@pytest.mark.parametrize("name", ["localhost", "db", "a.localhost", "x.home.arpa", "x.internal", "x.onion"])
def test_single_labels_and_special_suffixes_are_special(name):
    assert is_special_name(name)


@pytest.mark.parametrize("name", ["example.com", "internal.example.com", "local.test", "x.example"])
def test_an_ordinary_name_is_not_special(name):
    assert not is_special_name(name)


@given(st.text(max_size=30) | st.from_regex(r"[a-z0-9_.-]{0,20}|xn--[a-z0-9-]{1,12}\.com", fullmatch=True))
def test_a_spelling_is_ascii_in_lower_case_and_final(name):
    spelt = to_a_labels(name)
    assert spelt is None or (spelt.isascii() and spelt == spelt.lower() == to_a_labels(spelt))
