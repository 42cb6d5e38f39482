import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from integrations.egress.destinations import SIP, parse_url
from integrations.egress.policy import EgressPolicy, admit_url, is_judged_at_run, judge_addresses, needs_opened_network
from integrations.errors import EgressDenied, InvalidUrl

CLOSED = EgressPolicy()
OPENED = EgressPolicy.parse("127.0.0.1/32, 10.20.0.0/16")

ADMITTED = {
    "https://api.example.com": "https://api.example.com/",
    "https://api.example.com/": "https://api.example.com/",
    "HTTPS://API.Example.COM/V1": "https://api.example.com/V1",
    "https://api.example.com:443/v1/": "https://api.example.com/v1/",
    "https://api.example.com:0443": "https://api.example.com/",
    "https://api.example.com/a%20b/%C3%A9;x=1@2": "https://api.example.com/a%20b/%C3%A9;x=1@2",
    "https://a_b.example.com": "https://a_b.example.com/",
    "https://xn--mnchen-3ya.de": "https://xn--mnchen-3ya.de/",
    "https://m\u00fcnchen.de/x": "https://xn--mnchen-3ya.de/x",
    "https://fa\u00df.de": "https://xn--fa-hia.de/",
    "https://example.test": "https://example.test/",
    "https://upstream.example": "https://upstream.example/",
    "https://1password.com": "https://1password.com/",
    "https://my.internal.example.com": "https://my.internal.example.com/",
}


@pytest.mark.parametrize(("text", "sent"), ADMITTED.items())
def test_https_to_a_public_name_is_admitted_in_one_spelling(text, sent):
    assert str(admit_url(text, CLOSED)) == sent


HOSTILE = {
    "empty": "",
    "no scheme": "api.example.com",
    "scheme-relative": "//api.example.com",
    "only a scheme": "https://",
    "no host": "https:///path",
    "port without host": "https://:443/",
    "one slash": "https:/api.example.com",
    "ftp": "ftp://api.example.com",
    "file": "file:///etc/passwd",
    "javascript": "javascript:alert(1)",
    "gopher": "gopher://api.example.com",
    "scheme with space": " https://api.example.com",
    "trailing newline": "https://api.example.com\n",
    "newline in host": "https://api.exam\nple.com",
    "tab in host": "https://api.exam\tple.com",
    "carriage return": "https://api.example.com/\r\nHost: evil.com",
    "NUL": "https://api.example.com\0.evil.com",
    "no-break space": "https://api.example.com\u00a0",
    "DEL": "https://api.example.com\x7f",
    "C1 control": "https://api.example.com\x85",
    "space in host": "https://api example.com",
    "user": "https://user@api.example.com",
    "user and password": "https://user:pass@api.example.com",
    "name as user": "https://api.example.com@evil.com",
    "empty user": "https://@api.example.com",
    "two at signs": "https://a@b@api.example.com",
    "port-like password": "https://api.example.com:443@evil.com",
    "backslash before host": "https:\\\\api.example.com",
    "backslash after host": "https://evil.com\\.example.com",
    "backslash at sign": "https://evil.com\\@api.example.com",
    "fragment": "https://api.example.com/#x",
    "fragment without path": "https://api.example.com#@evil.com",
    "empty fragment": "https://api.example.com/#",
    "query": "https://api.example.com/?x=1",
    "query without path": "https://api.example.com?@evil.com",
    "ideographic full stop": "https://127\u30020\u30020\u30021",
    "fullwidth full stop": "https://api\uff0eexample.com",
    "halfwidth full stop": "https://api\uff61example.com",
    "fullwidth host": "https://\uff45\uff56\uff49\uff4c.com",
    "circled digits": "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "modifier letter": "https://\u02e1ocalhost",
    "short loopback": "https://127.1",
    "decimal loopback": "https://2130706433",
    "hex loopback": "https://0x7f000001",
    "hex part": "https://127.0.0.0x1",
    "bare 0x": "https://example.0x",
    "octal loopback": "https://0177.0.0.1",
    "leading zeros": "https://127.000.000.001",
    "five parts": "https://127.0.0.1.1",
    "numeric last label": "https://example.123",
    "too big part": "https://256.0.0.1",
    "trailing dot": "https://api.example.com.",
    "two trailing dots": "https://api.example.com..",
    "leading dot": "https://.example.com",
    "empty label": "https://api..example.com",
    "address with trailing dot": "https://127.0.0.1.",
    "percent-encoded host": "https://%61pi.example.com",
    "percent-encoded dot": "https://api%2eexample.com",
    "percent-encoded slash": "https://api.example.com%2f.evil.com",
    "port 0": "https://api.example.com:0",
    "port 65536": "https://api.example.com:65536",
    "port -1": "https://api.example.com:-1",
    "port with plus": "https://api.example.com:+443",
    "port with space": "https://api.example.com: 443",
    "empty port": "https://api.example.com:",
    "two ports": "https://api.example.com:443:443",
    "letters in port": "https://api.example.com:44e3",
    "arabic digits in port": "https://api.example.com:\u0664\u0664\u0663",
    "fullwidth digits in port": "https://api.example.com:\uff14\uff14\uff13",
    "invalid A-label": "https://xn--a.com",
    "A-label of ASCII": "https://xn--abc-.com",
    "undecodable A-label": "https://xn--99999999.com",
    "upper-case IDN": "https://M\u00dcNCHEN.de",
    "leading hyphen": "https://-api.example.com",
    "trailing hyphen": "https://api-.example.com",
    "long label": "https://" + "a" * 64 + ".com",
    "long name": "https://" + "a." * 127 + "com",
    "long URL": "https://api.example.com/" + "a" * 2048,
    "dot dot": "https://api.example.com/../x",
    "dot dot at the end": "https://api.example.com/v1/..",
    "dot": "https://api.example.com/./x",
    "encoded dot dot": "https://api.example.com/%2e%2e/x",
    "half encoded dot dot": "https://api.example.com/.%2E/x",
    "twice encoded dot dot": "https://api.example.com/%252e%252e/x",
    "encoded slash climbing": "https://api.example.com/a%2f..%2fb",
    "encoded backslash climbing": "https://api.example.com/a%5c..%5cb",
    "path parameter climbing": "https://api.example.com/..;x/a",
    "double slash": "https://api.example.com//evil.com",
    "stray percent": "https://api.example.com/%zz",
    "non-ASCII path": "https://api.example.com/\u00e9",
    "quote in path": 'https://api.example.com/"',
    "brace": "https://{secrets.x}.example.com",
    "closing brace": "https://api.example.com/}",
    "open bracket": "https://[::1",
    "closed bracket": "https://::1]",
    "text in brackets": "https://[example.com]",
    "zone id": "https://[fe80::1%25eth0]",
    "bare IPv6": "https://2606:4700::1111",
    "future address": "https://[v1.fe80::a]",
    "text after bracket": "https://[::1]evil.com",
    "line separator": "https://api.example.com/\u2028",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("policy", [CLOSED, OPENED], ids=["nothing opened", "networks opened"])
def test_a_malformed_or_ambiguous_url_is_invalid_whatever_is_opened(text, policy):
    with pytest.raises(InvalidUrl) as caught:
        admit_url(text, policy)
    assert caught.value.detail


def test_the_table_of_hostile_urls_is_large_enough():
    assert len(HOSTILE) >= 60


@pytest.fixture
def read_anew():
    """What was read before is forgotten, and what is read now afterwards."""
    for cache in (parse_url, admit_url):
        cache.cache_clear()
    yield
    for cache in (parse_url, admit_url):
        cache.cache_clear()


@pytest.mark.usefixtures("read_anew")
@pytest.mark.parametrize("reading", ["https://evil.com/", "https://api.example.com:444/", "http://api.example.com/"])
def test_a_url_that_the_client_reads_differently_is_invalid(reading, monkeypatch):
    monkeypatch.setattr(
        "integrations.egress.destinations.URL",
        lambda text, encoded=False: URL(text if encoded else reading, encoded=encoded),
    )
    with pytest.raises(InvalidUrl):
        admit_url("https://api.example.com", CLOSED)


@pytest.mark.usefixtures("read_anew")
def test_a_url_that_the_client_cannot_read_is_invalid(monkeypatch):
    monkeypatch.setattr(
        "integrations.egress.destinations.URL", lambda text, encoded=False: URL("" if encoded else "https://[")
    )
    with pytest.raises(InvalidUrl):
        admit_url("https://api.example.com", CLOSED)


NOT_OPENED = {
    "loopback": "https://127.0.0.1",
    "public IPv4": "https://1.1.1.1",
    "public IPv6": "https://[2606:4700:4700::1111]",
    "metadata": "https://169.254.169.254",
    "IPv6 loopback": "https://[::1]/",
    "mapped": "https://[::ffff:127.0.0.1]",
    "private": "https://10.20.0.1",
    "localhost": "https://localhost",
    "single label": "https://intranet",
    "below localhost": "https://api.localhost",
    "local": "https://printer.local",
    "internal": "https://vault.internal",
    "metadata name": "https://metadata.google.internal",
    "home.arpa": "https://nas.home.arpa",
    "arpa": "https://1.0.0.127.in-addr.arpa",
    "onion": "https://abc.onion",
    "invalid": "https://x.invalid",
    "lan": "https://x.lan",
    "corp": "https://x.corp",
    "alt": "https://x.alt",
    "localdomain": "https://x.localdomain",
    "private suffix": "https://x.private",
}


@pytest.mark.parametrize("text", NOT_OPENED.values(), ids=NOT_OPENED)
def test_numbers_and_special_names_are_denied_by_default(text):
    with pytest.raises(EgressDenied) as caught:
        admit_url(text, CLOSED)
    assert caught.value.host


@pytest.mark.parametrize(
    "text", ["http://api.example.com", "https://api.example.com:8443", "http://api.example.com:443"]
)
def test_http_and_other_ports_are_invalid_by_default(text):
    with pytest.raises(InvalidUrl):
        admit_url(text, CLOSED)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8001/v1",
        "https://127.0.0.1",
        "http://10.20.255.1",
        "http://api.example.com",
        "https://api.example.com:8443",
        "http://localhost:8001",
        "https://vault.internal",
    ],
)
def test_opened_networks_admit_what_may_lead_into_them(text):
    assert needs_opened_network(admit_url(text, OPENED))


@pytest.mark.parametrize("text", ["http://127.0.0.2", "https://1.1.1.1", "http://[::1]", "https://169.254.169.254"])
def test_opened_networks_admit_no_other_address(text):
    with pytest.raises(EgressDenied):
        admit_url(text, OPENED)


def test_an_address_that_nothing_opens_is_not_admitted_inside_an_opened_network():
    for opened, text in {
        "169.254.0.0/16": "http://169.254.169.254",
        "100.64.0.0/10": "http://100.100.100.200",
        "fd00::/8": "http://[fd00:ec2::254]",
        "2002::/16": "http://[2002:a00:1::]",
    }.items():
        with pytest.raises(EgressDenied):
            admit_url(text, EgressPolicy.parse(opened))


def test_an_ordinary_url_needs_no_opened_network():
    assert not needs_opened_network(admit_url("https://api.example.com", OPENED))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("https://api.example.com", ["1.1.1.1", "2606:4700::1"]),
        ("https://api.example.com", ["1.1.1.1", "10.20.0.9"]),
        ("http://api.example.com", ["10.20.0.9", "127.0.0.1"]),
        ("https://vault.internal", ["10.20.0.9"]),
    ],
)
def test_a_name_may_be_called_when_all_its_addresses_may(text, addresses):
    judge_addresses(admit_url(text, OPENED), addresses, OPENED)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("https://api.example.com", []),
        ("https://api.example.com", ["1.1.1.1", "192.168.0.1"]),
        ("https://api.example.com", ["169.254.169.254"]),
        ("http://api.example.com", ["1.1.1.1"]),
        ("http://api.example.com", ["10.20.0.9", "1.1.1.1"]),
        ("https://api.example.com:8443", ["1.1.1.1"]),
        ("https://vault.internal", ["10.20.0.9", "1.1.1.1"]),
    ],
)
def test_one_address_outside_refuses_the_call(text, addresses):
    with pytest.raises(EgressDenied):
        judge_addresses(admit_url(text, OPENED), addresses, OPENED)


def test_a_public_name_that_leads_to_loopback_is_refused_where_nothing_is_opened():
    with pytest.raises(EgressDenied):
        judge_addresses(admit_url("https://api.example.com", CLOSED), ["127.0.0.1", "1.1.1.1"], CLOSED)


@given(st.text(alphabet="htps:/.@\\[]#?%0123456789abcx-_ \t\u3002\u0661\u00df", max_size=40))
def test_every_text_is_refused_or_read_the_same_by_the_client(text):
    try:
        url = admit_url("https://" + text, OPENED)
    except (InvalidUrl, EgressDenied):
        return
    assert (url.user, url.raw_fragment, url.raw_query_string) == (None, "", "")
    assert str(admit_url(str(url), OPENED)) == str(url)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("sips://sip.example.com:5061", "sip.example.com", 5061),
        ("sip://SIP.example.com:5060", "sip.example.com", 5060),
        ("sip://93.184.215.14:15060", "93.184.215.14", 15060),
        ("sip://[2606:4700::1]:5060", "2606:4700::1", 5060),
    ],
)
def test_sip_has_ports_of_its_own_and_public_addresses(text, host, port):
    url = admit_url(text, CLOSED, SIP)
    assert (url.raw_host, url.port, needs_opened_network(url)) == (host, port, False)


@pytest.mark.parametrize(
    "text", ["sip://10.20.0.1:5060", "sip://127.0.0.1:5060", "sip://[fe80::1]:5060", "sip://169.254.169.254:5060"]
)
def test_sip_goes_to_no_other_address(text):
    with pytest.raises(EgressDenied):
        admit_url(text, CLOSED, SIP)


def test_sip_goes_where_the_operator_opened_a_network():
    assert admit_url("sip://10.20.0.1:5060", OPENED, SIP).port == 5060
    url = admit_url("sip://pbx:5060", OPENED, SIP)
    assert is_judged_at_run(url)
    with pytest.raises(EgressDenied):
        admit_url("sip://pbx:5060", CLOSED, SIP)


@pytest.mark.parametrize("text", ["sip://sip.example.com:5060", "sips://sip.example.com:5061"])
def test_a_call_over_http_goes_to_no_sip_address(text):
    with pytest.raises(InvalidUrl):
        admit_url(text, OPENED)


@pytest.mark.parametrize("text", ["https://sip.example.com", "sip://a@sip.example.com:5060", "sip://sip.example.com:0"])
def test_what_is_no_sip_address_is_refused(text):
    with pytest.raises(InvalidUrl):
        admit_url(text, OPENED, SIP)
