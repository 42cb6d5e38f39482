"""Hosts as people and servers write them, in the domains of a secret and in an address, through the API."""

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

HOSTS = {
    "D01": (["b\u00fccher.example"], "xn--bcher-kva.example"),
    "D01-below": (["*.b\u00fccher.example"], "api.xn--bcher-kva.example"),
    "D01-other-way": (["xn--bcher-kva.example"], "b\u00fccher.example"),
    "D03": (["foo_bar.example.com"], "foo_bar.example.com"),
    "D10-third-place": (["r3---sn-abc.example.com"], "r3---sn-abc.example.com"),
    "D10-label": (["*.example.com"], "hg--69.example.com"),
}
ELSEWHERE = {
    "D01-another": (["b\u00fccher.example"], "bucher.example"),
    "D03-another": (["foo_bar.example.com"], "foo-bar.example.com"),
    "D10-another": (["r3---sn-abc.example.com"], "r3--sn-abc.example.com"),
}


@pytest.fixture
def save(caller):
    """Saves a secret for these domains, and an action that sends it to this host: the response."""

    def saved(domains, host):
        caller.post("/secrets", {"name": "crm.apiKey", "value": "a-credential-0815", "allowed_domains": domains})
        header = {"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}
        config = {"base_url": f"https://{host}", "method": "GET", "headers": [header]}
        body = {"kind": "api_action", "name": "Case", "environments": ["staging"], "config": config}
        return caller.call("POST", "/integrations", body)

    return saved


@pytest.mark.parametrize(("domains", "host"), HOSTS.values(), ids=HOSTS)
def test_a_host_is_within_its_domains(save, domains, host):
    response = save(domains, host)
    assert response.status_code == 201, response.content
    assert [warning["code"] for warning in response.json()["warnings"]] == []


@pytest.mark.parametrize(("domains", "host"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_similar_host_is_not(save, domains, host):
    response = save(domains, host)
    assert [warning["code"] for warning in response.json()["warnings"]] == ["domain_not_allowed"]
