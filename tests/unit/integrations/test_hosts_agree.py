"""An allowed domain is a rule only if it means the host that is called: both readers of host names agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.egress.addresses import read_address
from integrations.egress.policy import EgressPolicy, admit_url
from integrations.errors import EgressDenied, InvalidUrl
from secrets_app.naming.domains import BadDomain, allows, clean_domain, matching_rule

OPENED = EgressPolicy.parse("10.20.0.0/16, 127.0.0.1/32")
CLOSED = EgressPolicy()

good = st.sampled_from(
    [
        "api",
        "API",
        "a_b",
        "1x",
        "münchen",
        "MÜNCHEN",
        "faß",
        "xn--mnchen-3ya",
        "XN--fa-hia",
        "例え",
        "localhost",
        "internal",
    ]
)
odd = st.sampled_from(
    ["1", "0x7f", "xn---bbk", "\u212a", "-a", "ab--cd", "", "ⅷ", "\u0661", "a\u3002b", "e\u0301"]
) | st.text(st.characters(exclude_characters="/?#@:[]%.*"), max_size=6)
endings = st.sampled_from([".com", ".example", ".de", ".internal", "", ".1", "."])
hosts = st.builds(
    lambda labels, ending: ".".join(labels) + ending,
    st.lists(good | good | good | odd, min_size=1, max_size=3),
    endings,
)


def admitted(host: str, policy: EgressPolicy) -> str | None:
    try:
        return admit_url(f"https://{host}", policy).raw_host
    except (InvalidUrl, EgressDenied):
        return None


@settings(max_examples=600)
@given(hosts)
def test_an_admitted_name_is_the_name_that_domains_compare(typed):
    called = admitted(typed, OPENED)
    if called is None or read_address(called):
        return
    for host in (called, typed):
        assert clean_domain(host, operator_hosts=True) == called
        assert matching_rule([called], host) == called
        assert matching_rule([f"*.{called}"], f"sub.{host}") == f"*.{called}"


@settings(max_examples=600)
@given(hosts)
def test_a_listed_name_covers_no_admitted_host_but_itself(typed):
    try:
        listed = clean_domain(typed)
    except BadDomain:
        return
    assert admitted(listed, CLOSED) == listed
    assert admitted(typed, CLOSED) in {listed, None}


@pytest.mark.parametrize("address", ["127.0.0.1", "10.20.0.1"])
def test_an_admitted_address_is_covered_by_no_name(address):
    called = admitted(address, OPENED)
    assert called == address
    assert not allows([address, f"*.{address.partition('.')[2]}"], called)


@pytest.mark.parametrize("host", ["printer.local", "db", "x.home.arpa", "vault.internal"])
def test_a_name_is_special_to_both_or_to_neither(host):
    assert admitted(host, CLOSED) is None
    with pytest.raises(BadDomain):
        clean_domain(host)
    assert admitted(host, OPENED) == clean_domain(host, operator_hosts=True) == host
