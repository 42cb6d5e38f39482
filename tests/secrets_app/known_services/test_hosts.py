"""Hosts that are proposed for the secrets of well-known services."""

import pytest

from secrets_app.known_services.hosts import hosts_by_prefix, services, services_named_in
from secrets_app.naming.domains import clean_domain


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("anthropic.apiKey", ["api.anthropic.com"]),
        ("hubspot_api_token", ["api.hubapi.com"]),
        ("STRIPE_RESTRICTED_KEY", ["api.stripe.com"]),
        ("calcom-prod-api-key", ["api.cal.com"]),
        ("crm.apiKey", []),
        ("", []),
        ("linear.key", ["api.linear.app"]),
        ("nonlinearity", []),
    ],
)
def test_name_suggests_hosts(name, hosts):
    assert [host for service in services_named_in(name) for host in service.hosts] == hosts


@pytest.mark.parametrize(
    ("value", "service"),
    [
        ("sk-ant-api03-x", "Anthropic"), ("sk-proj-x", "OpenAI"), ("xoxb-1-2", "Slack"), ("SG.x.y", "SendGrid"),
        ("ghp_x", "GitHub"), ("github_pat_x", "GitHub"), ("sk_live_x", "Stripe"), ("glpat-x", "GitLab"),
    ],
)  # fmt: skip
def test_beginning_of_a_value_suggests_one_service(value, service):
    assert {entry["service"] for entry in hosts_by_prefix() if value.startswith(str(entry["prefix"]))} == {service}


def test_hosts_are_allowed_domains_and_names_and_prefixes_are_clear():
    names = [service.name for service in services()]
    assert len(set(names)) == len(names) >= 40
    for service in services():
        assert service.hosts
        assert service.names
        assert all(text == text.lower() and len(text) >= 4 for text in service.names)
        assert [clean_domain(host) for host in service.hosts] == list(service.hosts)
    prefixes = [str(entry["prefix"]) for entry in hosts_by_prefix()]
    assert len(set(prefixes)) == len(prefixes)
