"""What filling in may never do: break a header, climb a path, leave the base."""

import pytest

from integrations.errors import InvalidHeaderValue, InvalidPathValue, InvalidUrl
from integrations.exchange.messages import render
from tests.support.integrations.requests import make, pairs, values

CANARY = "s3cr3t-canary"
BAD_HEADER_VALUES = ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\u00fcber", "a\x7fb", "a\x1bb", "a\u2028b", "\U0001f600"]


@pytest.mark.parametrize("value", BAD_HEADER_VALUES)
@pytest.mark.parametrize("text", ["{secrets.crm.key}", "Bearer {secrets.crm.key}", "Bearer {secrets.crm.key} x"])
def test_a_value_that_a_header_cannot_hold_is_refused_by_name_without_the_value(value, text):
    with pytest.raises(InvalidHeaderValue) as caught:
        render(make(headers=pairs(X_Key=text)), secrets=values(**{"crm.key": value + CANARY}), params={})
    assert "X-Key" in caught.value.detail
    assert "{secrets.crm.key}" in caught.value.detail
    assert value not in caught.value.detail
    assert CANARY not in repr(caught.value)


@pytest.mark.parametrize("value", ["", " ", "\t", " a", "a ", "a\t"])
def test_a_header_that_is_empty_or_has_blanks_at_its_edges_is_refused(value):
    with pytest.raises(InvalidHeaderValue):
        render(make(headers=pairs(H="{params.v}")), secrets={}, params={"v": value})


def test_a_header_may_hold_blanks_between_visible_characters():
    request = render(make(headers=pairs(H="a\t{params.v} b")), secrets={}, params={"v": " x\ty "})
    assert request.headers == (("H", "a\t x\ty  b"),)


CLIMBING = [
    "",
    ".",
    "..",
    "../x",
    "x/..",
    "x/../y",
    "..\\x",
    "x\\..\\y",
    "..;a=b",
    "x/..;y/z",
    ".;",
    ";x",
    "%2e%2e",
    "%2E.",
    "%252e%252e",
    "x%2f..%2fy",
    "x%5c..",
    "/x",
    "x/",
    "x//y",
    ".. ",
    "..\0",
]


@pytest.mark.parametrize("value", CLIMBING)
@pytest.mark.parametrize("path", ["/a/{params.v}", "/{params.v}/b", "/a/{params.v}/b"])
def test_an_argument_that_leads_elsewhere_is_refused(value, path):
    with pytest.raises(InvalidPathValue):
        render(make(path), secrets={}, params={"v": value})


@pytest.mark.parametrize("value", CLIMBING)
def test_a_secret_that_leads_elsewhere_is_refused_without_being_quoted(value):
    with pytest.raises(InvalidPathValue) as caught:
        render(make("/a/{secrets.s}"), secrets=values(s=value), params={})
    assert "{secrets.s}" in caught.value.detail


@pytest.mark.parametrize(
    ("path", "params"),
    [("/{params.a}{params.b}", {"a": ".", "b": "."}), ("/.{params.a}", {"a": "."}), ("/%2e{params.a}", {"a": "."})],
)
def test_pieces_that_are_harmless_alone_are_judged_together(path, params):
    with pytest.raises(InvalidPathValue):
        render(make(path), secrets={}, params=params)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a/b", "a%2Fb"),
        ("a b?#", "a%20b%3F%23"),
        ("...", "..."),
        ("a..b", "a..b"),
        ("%41", "%2541"),
        ("\u00e9", "%C3%A9"),
        ("a@b:c", "a%40b%3Ac"),
    ],
)
def test_an_ordinary_value_stays_in_its_segment(value, sent):
    assert render(make("/a/{params.v}/b"), secrets={}, params={"v": value}).url.raw_path == f"/v1/a/{sent}/b"


@pytest.mark.parametrize("path", ["/a?b", "/a#b", "@evil.com/", ":8443/a", ".evil.com"])
def test_an_encoder_that_failed_does_not_lead_elsewhere(path, monkeypatch):
    monkeypatch.setattr("integrations.exchange.messages.fill_path", lambda template, filling: path)
    with pytest.raises(InvalidUrl):
        render(make(base_url="https://api.example.com"), secrets={}, params={})


@pytest.mark.parametrize("value", ["a#b", "a b", "a\r\nX: y", "\u00e9", "%4"])
@pytest.mark.parametrize("slot", ["fill_path", "fill_query"])
def test_an_encoder_that_failed_does_not_change_the_request_line(slot, value, monkeypatch):
    monkeypatch.setattr(f"integrations.exchange.messages.{slot}", lambda template, filling: f"/{value}")
    with pytest.raises(InvalidUrl) as caught:
        render(make(query=pairs(q="x")), secrets={}, params={})
    assert value not in repr(caught.value)


@pytest.mark.parametrize(
    "base", ["https://user@example.com", "https://example.com/?a=b", "https://example.com/#f", "ftp://example.com"]
)
def test_a_base_that_is_no_base_is_refused(base):
    with pytest.raises(InvalidUrl):
        render(make(base_url=base), secrets={}, params={})
