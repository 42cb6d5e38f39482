"""Which host names may be listed, and which hosts a listed one covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_app.naming.domains import BadDomain, allows, clean_domain, matching_rule

CLEAN = {
    "example.com": "example.com",
    "EXAMPLE.Com": "example.com",
    "api.example.com": "api.example.com",
    "*.example.com": "*.example.com",
    "*.API.example.com": "*.api.example.com",
    "x.example": "x.example",
    "x.test": "x.test",
    "a_b.example.com": "a_b.example.com",
    "1password.com": "1password.com",
    "1.example.com": "1.example.com",
    "localhost.example.com": "localhost.example.com",
    "internal.example.com": "internal.example.com",
    "github.io": "github.io",
    "co.uk": "co.uk",
    "*.mine.github.io": "*.mine.github.io",
    "*.yourname.co.uk": "*.yourname.co.uk",
    "*.x.example": "*.x.example",
    "straße.de": "xn--strae-oqa.de",
    "STRASSE.de": "strasse.de",
    "BÜCHER.example": "xn--bcher-kva.example",
    "xn--BCHER-kva.example": "xn--bcher-kva.example",
    "*.例え.jp": "*.xn--r8jz45g.jp",
    f"{'a' * 63}.com": f"{'a' * 63}.com",
}

# fmt: off
REFUSED = [
    # other syntax
    "", " ", "*", "*.", "**", "*.*", "*.*.example.com", "api.*.com", "example.*", "*example.com", "*.example.*",
    "a*.example.com", "**.example.com",
    "https://example.com", "example.com/", "example.com/path", "//example.com", "example.com?x", "example.com#x",
    "user@example.com",
    "user:pw@example.com", "example.com:443", "example.com:", "example.com\\x", "example.com.", "*.example.com.",
    "example.com..", ".example.com",
    "example..com", ".", "..", "example.com ", " example.com", "example.com\n", "exa mple.com", "example.com\0",
    "example\t.com", "{secrets.x}.com",
    "%65xample.com", "example,com", "example.com,other.com", "-example.com", "example-.com",
    f"{'a' * 64}.com", f"{'a.' * 126}com",
    # addresses
    "127.0.0.1", "*.0.0.1", "8.8.8.8", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.2.3.4.5", "999.1.1.1",
    "example.0x", "example.123",
    "[::1]", "::1", "2001:db8::1", "①②⑦.⓪.⓪.①", "\uff11\uff12\uff17.0.0.1",
    # names that are not public
    "localhost", "intranet", "example", "com", "foo.localhost", "printer.local", "db.internal", "x.home.arpa", "x.lan",
    "x.corp", "x.home",
    "x.private", "x.onion", "x.invalid", "x.alt", "x.localdomain", "x.intranet", "1.0.0.127.in-addr.arpa",
    "*.internal", "*.localhost",
    # wildcards over suffixes that anyone can register below
    "*.com", "*.co.uk", "*.github.io", "*.GitHub.IO", "*.herokuapp.com", "*.vercel.app", "*.s3.amazonaws.com", "*.uk",
    "*.ck", "*.anything.ck",
    "*.xn--p1ai", "*.рф", "*.unknownsuffix",
    # IDNA 2008
    "example。com", "example\uff0ecom", "example｡com", "ⅷ.com", "a\u200db.com", "xn--a.com", "xn--0.pt", "xn--.com",
    "ˡocalhost", "exam\u00adple.com",
    "\ud800.com",
]
# fmt: on


@pytest.mark.parametrize(("typed", "stored"), CLEAN.items())
def test_a_host_name_is_stored_in_a_labels(typed, stored):
    assert clean_domain(typed) == stored
    assert clean_domain(stored) == stored


@pytest.mark.parametrize("typed", REFUSED)
def test_anything_else_is_refused_with_a_sentence(typed):
    with pytest.raises(BadDomain, match=r"^[A-Z“].*\.$"):
        clean_domain(typed)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("https://api.example.com", "without scheme"),
        ("api.example.com:8443", "without a port"),
        ("10.0.0.1", "IP address"),
        ("*", "Leave the list empty"),
        ("example.com.", "dot at the end"),
        ("db.internal", "public host name"),
        ("*.github.io", "Anyone can register"),
        ("exa mple.com", "api.example.com"),
    ],
)
def test_the_sentence_names_the_way_out(typed, hint):
    with pytest.raises(BadDomain, match=hint):
        clean_domain(typed)


def test_a_refusal_does_not_repeat_what_was_pasted():
    with pytest.raises(BadDomain) as caught:
        clean_domain("https://api.example.com/?token=canary")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["localhost", "db", "db.internal", "printer.local", "*.internal", "*.svc.cluster.local", "x.home.arpa", "*.db"],
)
def test_an_operator_who_opened_networks_may_list_their_names(name):
    assert clean_domain(name, operator_hosts=True) == name


@pytest.mark.parametrize(
    "typed", ["127.0.0.1", "[::1]", "2130706433", "*", "*.com", "*.co.uk", "*.github.io", "db:5432", "db.", "http://db"]
)
def test_opened_networks_do_not_open_anything_else(typed):
    with pytest.raises(BadDomain):
        clean_domain(typed, operator_hosts=True)


MATCHES = [
    ("example.com", "example.com"),
    ("example.com", "EXAMPLE.com"),
    ("*.example.com", "api.example.com"),
    ("*.example.com", "API.Example.Com"),
    ("*.example.com", "a.b.c.example.com"),
    ("*.example.com", "example.com.example.com"),
    ("*.example.com", "a_b.example.com"),
    ("*.mine.github.io", "x.mine.github.io"),
    ("xn--strae-oqa.de", "straße.de"),
    ("xn--strae-oqa.de", "XN--STRAE-OQA.de"),
    ("*.xn--strae-oqa.de", "api.straße.de"),
    ("localhost", "localhost"),
]

MISSES = [
    ("example.com", "api.example.com"),
    ("example.com", "evilexample.com"),
    ("example.com", "example.com.evil.com"),
    ("example.com", "example.co"),
    ("example.com", "example.comm"),
    ("example.com", "example.com."),
    ("example.com", "example.com\n"),
    ("example.com", " example.com"),
    ("example.com", "example.com:443"),
    ("example.com", "example.com/"),
    ("example.com", "user@example.com"),
    ("example.com", "evil.com\\.example.com"),
    ("example.com", "evil.com#example.com"),
    ("example.com", "example。com"),
    ("example.com", "ex\u0430mple.com"),
    ("example.com", ""),
    ("*.example.com", "example.com"),
    ("*.example.com", ".example.com"),
    ("*.example.com", "..example.com"),
    ("*.example.com", "*.example.com"),
    ("*.example.com", "evilexample.com"),
    ("*.example.com", "api.evilexample.com"),
    ("*.example.com", "api.example.com.evil.com"),
    ("*.example.com", "api.example.com."),
    ("*.example.com", "evil.com\\.example.com"),
    ("*.example.com", "evil.com/.example.com"),
    ("*.example.com", "evil.com:80.example.com"),
    ("*.example.com", "evil.com%2f.example.com"),
    ("*.example.com", "api.example。com"),
    ("*.mine.github.io", "other.github.io"),
    ("strasse.de", "straße.de"),
    ("127.0.0.1", "127.0.0.1"),
    ("*.0.0.1", "127.0.0.1"),
    ("2130706433", "2130706433"),
    ("[::1]", "[::1]"),
    ("::1", "::1"),
]


@pytest.mark.parametrize(("rule", "host"), MATCHES)
def test_a_rule_covers_its_hosts(rule, host):
    assert matching_rule([rule], host) == rule
    assert allows([rule], host)


@pytest.mark.parametrize(("rule", "host"), MISSES)
def test_a_rule_covers_no_other_host(rule, host):
    assert matching_rule([rule], host) is None
    assert not allows([rule], host)


def test_the_first_rule_that_covers_is_named():
    assert matching_rule(["other.org", "*.example.com", "api.example.com"], "api.example.com") == "*.example.com"


def test_no_rules_allow_any_host():
    assert allows([], "anything.example")
    assert matching_rule([], "anything.example") is None


@given(st.text(max_size=80))
def test_an_accepted_entry_is_stable_and_covers_only_itself_or_names_below(text):
    try:
        stored = clean_domain(text)
    except BadDomain:
        return
    assert clean_domain(stored) == stored
    base = stored.removeprefix("*.")
    assert allows([stored], base) is not stored.startswith("*.")
    assert allows([stored], f"sub.{base}") is stored.startswith("*.")


@given(st.from_regex(r"[a-z0-9.*:/@%-]{0,20}", fullmatch=True))
def test_a_host_that_merely_ends_like_the_base_is_not_covered(prefix):
    host = f"{prefix}example.com"
    assert allows(["*.example.com"], host) is (prefix.endswith(".") and _is_name(host))


def _is_name(host):
    try:
        return not clean_domain(host).startswith("*")
    except BadDomain:
        return False
