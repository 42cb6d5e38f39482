import pytest

from integrations.egress.policy import check_headers, problem_with_header_name, problem_with_header_text
from integrations.errors import InvalidHeaderValue
from integrations.templating.placeholders import parse
from tests.support.integrations.requests import words


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "x_key", "Cookie", "Content-Type", "User-Agent", "Accept", "a!#$%&'*+.^`|~9"]
)
def test_ordinary_header_names_may_be_set(name):
    assert problem_with_header_name(name) is None


FORBIDDEN = words("""
    Host hOsT Content-Length Transfer-Encoding Connection Keep-Alive TE Trailer Upgrade Expect Accept-Encoding Forwarded
    Via Proxy-Authorization Proxy-Connection proxy-x X-Forwarded-For x-forwarded-host HTTP2-Settings
    Transfer_Encoding content_Length X_Forwarded_For x_forwarded-For Proxy_Authorization
""")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_names_that_steer_the_message_are_the_transports(name):
    assert problem_with_header_name(name) == "Coffer sets this header itself; remove it."


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a:", ":authority", "a\n", "a\r\nb", "h\u00e9", "{secrets.x}", "a/b", "a\0", "a" * 129, "(a)"],
)
def test_what_is_no_token_is_no_name(name):
    assert problem_with_header_name(name)


@pytest.mark.parametrize("text", ["x", "Bearer {secrets.x}", "{params.y}", "a b\tc"])
def test_texts_that_a_header_can_hold(text):
    assert problem_with_header_text(parse(text)) is None


@pytest.mark.parametrize("text", ["", " ", " x", "x ", "a\nb", "\u00e9", "{secrets.x} ", "\t{secrets.x}", "a\0"])
def test_texts_that_no_value_can_mend(text):
    assert problem_with_header_text(parse(text))


@pytest.mark.parametrize(
    "header", [("Host", "x"), ("A b", "x"), ("A", "canary\r\nX: y"), ("A", ""), ("A", "\u00e9"), ("A", " x")]
)
def test_the_last_look_refuses_by_name(header):
    with pytest.raises(InvalidHeaderValue) as caught:
        check_headers((("Fine", "x"), header))
    assert repr(header[0]) in caught.value.detail
    assert "canary" not in caught.value.detail
