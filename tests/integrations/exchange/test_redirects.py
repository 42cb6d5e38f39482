"""Where a redirect leads, for any text that an upstream may send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from accounts.errors import Refusal
from integrations.egress.policy import EgressPolicy, admit_url
from integrations.exchange.redirects import is_origin_of, next_url, with_query

BASE = URL("https://api.example.com/a/b?c=d", encoded=True)


def target(location: str) -> str:
    return str(next_url(BASE, location.encode(), lambda origin: admit_url(origin, EgressPolicy())))


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("x", "https://api.example.com/a/x"),
        ("", "https://api.example.com/a/b?c=d"),
        ("?e=f", "https://api.example.com/a/b?e=f"),
        ("?", "https://api.example.com/a/b"),
        ("/x/./y/../z/..", "https://api.example.com/x/"),
        ("../../../../etc", "https://api.example.com/etc"),
        ("//OTHER.example.com/x", "https://other.example.com/x"),
        ("HTTPS://other.example.com:443", "https://other.example.com/"),
        ("https://other.example.com?q", "https://other.example.com/?q"),
        ("/%7Bx%7d?a=%zz", "https://api.example.com/%7Bx%7d?a=%zz"),
    ],
)
def test_locations_are_read_as_rfc_3986_says(location, leads_to):
    assert target(location) == leads_to


@given(st.text(max_size=60))
def test_any_text_leads_to_a_public_web_address_or_is_refused(location):
    try:
        found = next_url(BASE, location.encode(), lambda origin: admit_url(origin, EgressPolicy()))
    except Refusal as refusal:
        assert location not in refusal.detail or len(location) < 3
        return
    assert (found.scheme, found.port, found.raw_user, found.raw_fragment) == ("https", 443, None, "")
    assert str(found).isascii()
    assert "/../" not in found.raw_path


@pytest.mark.parametrize(
    ("url", "own", "expected"),
    [
        ("https://mcp.example.com:8443/m/x?id=1", "key=a%20b", "https://mcp.example.com:8443/m/x?id=1&key=a%20b"),
        ("https://mcp.example.com/?key=b&id=1&k%65y=c", "key=a", "https://mcp.example.com/?id=1&key=a"),
        ("https://mcp.example.com/?=1&&id=2", "", "https://mcp.example.com/?=1&id=2"),
        ("https://mcp.example.com/m", "a=1&a=2", "https://mcp.example.com/m?a=1&a=2"),
    ],
)
def test_a_configured_query_is_kept(url, own, expected):
    assert str(with_query(URL(url, encoded=True), own)) == expected


@pytest.mark.parametrize(
    ("origin", "url", "expected"),
    [
        ("https://a.example", "https://a.example/x", True),
        ("HTTPS://A.example:443", "https://a.example/x", True),
        ("http://a.example", "https://a.example/x", True),
        ("http://a.example:80", "https://a.example/x", True),
        ("https://a.example:8443", "https://a.example:8443/x", True),
        ("https://a.example", "http://a.example/x", False),
        ("https://a.example:8443", "https://a.example/x", False),
        ("http://a.example:443", "https://a.example/x", False),
        ("https://b.example", "https://a.example/x", False),
        ("https://a.example@b.example", "https://a.example/x", False),
        ("ftp://a.example", "https://a.example/x", False),
        ("", "https://a.example/x", False),
    ],
)
def test_origin_is_told_from_others_without_parsing(origin, url, expected):
    assert is_origin_of(origin, URL(url)) is expected
