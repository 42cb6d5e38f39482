"""Well-known services: each fills a form that can be saved as it is, and names where its secrets should go."""

import pytest

from accounts.common.environments import Environment
from integrations.egress.policy import EgressPolicy, admit_url
from integrations.inheritance import routes_of
from integrations.kinds import KINDS
from integrations.kinds.api_connection.known_services import KNOWN_SERVICES
from integrations.models import Integration
from integrations.paste_guard import detection
from integrations.readiness.warnings import warnings_for
from secrets_app.models import Secret
from secrets_app.naming.domains import allows, clean_domain
from tests.support.things import store_secret
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db

NEW = "/o/harbor-clinics/integrations/new"
STARTS = [(service, kind) for service in KNOWN_SERVICES for kind in service.configs]
IDS = [f"{service.key}-{kind}" for service, kind in STARTS]


def test_those_that_agents_need_are_there():
    assert [service.name for service in KNOWN_SERVICES] == [
        "Anthropic",
        "Deepgram",
        "ElevenLabs",
        "GitHub",
        "HubSpot",
        "OpenAI",
        "Slack",
        "Stripe",
        "Telnyx",
        "Twilio",
    ]


@pytest.mark.parametrize(("service", "kind"), STARTS, ids=IDS)
def test_each_is_a_valid_configuration_to_a_public_host_that_its_domains_allow(service, kind):
    config = KINDS[kind].parse_config(service.configs[kind])
    for destination in KINDS[kind].destinations(config):
        assert allows(list(service.domains), admit_url(destination.url, EgressPolicy()).raw_host)
    assert [clean_domain(domain, operator_hosts=False) for domain in service.domains] == list(service.domains)
    assert detection.find(service.name, "", service.configs[kind]) == []
    assert kind == "api_connection" or any(slot.template.secret_names for slot in KINDS[kind].slots(config))


@pytest.mark.parametrize(("service", "kind"), STARTS, ids=IDS)
def test_each_fills_a_form_that_can_be_saved_as_it_is(as_owner, owner, service, kind):
    page = as_owner.get(f"{NEW}/{kind}/?service={service.key}")
    sent = form_with(page, "name")
    assert as_owner.post(f"{NEW}/{kind}/", sent | {"environments": ["staging"]}).status_code == 303
    stored = Integration.objects.get()
    assert stored.name == service.name
    assert service.configs[kind].items() <= stored.config.items()
    for secret in page.context["service_secrets"]:
        store_secret(owner, secret["name"], allowed_domains=list(service.domains), environments=[Environment.STAGING])
    assert warnings_for(stored) == []
    assert routes_of(stored)[0].secret_names == {secret["name"] for secret in page.context["service_secrets"]}


def test_a_secret_that_is_not_there_is_created_with_its_domains(as_owner, owner):
    page = as_owner.get(f"{NEW}/api_connection/?service=openai")
    (secret,) = page.context["service_secrets"]
    assert secret == {
        "name": "openai.apiKey",
        "href": "/o/harbor-clinics/secrets/new/?name=openai.apiKey&domains=api.openai.com",
    }
    form = as_owner.get(secret["href"])
    assert (form.context["values"]["name"], form.context["values"]["domains"]) == ("openai.apiKey", ["api.openai.com"])
    sent = form_with(form, "name") | {"shared_value": "a-value-of-openai-1", "value": "a-value-of-openai-1"}
    assert as_owner.post("/o/harbor-clinics/secrets/new/", sent).status_code in {302, 303}
    assert Secret.objects.get().allowed_domains == ["api.openai.com"]
    assert as_owner.get(f"{NEW}/api_connection/?service=openai").context["service_secrets"][0]["href"] == ""


def test_twilio_leads_to_its_connector_first(as_owner, organization):
    page = as_owner.get(f"{NEW}/api_connection/?service=twilio")
    assert f"{NEW}/auth_connector/?service=twilio" in page.content.decode()
    connector = as_owner.get(f"{NEW}/auth_connector/?service=twilio")
    assert [secret["name"] for secret in connector.context["service_secrets"]] == [
        "twilio.accountSid",
        "twilio.authToken",
    ]
    assert "Start with a well-known service" not in connector.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "api_connection/",
        "api_connection/?service=nobody",
        "api_connection/?service=%00",
        "auth_connector/?service=openai",
    ],
)
def test_without_a_known_service_the_form_is_blank(as_owner, organization, address):
    page = as_owner.get(f"{NEW}/{address}")
    assert (page.status_code, page.context["values"]["name"], page.context["service"]) == (200, "", None)


def test_other_kinds_offer_none(as_owner, organization):
    for kind in set(KINDS) - {"api_connection"}:
        assert "Start with a well-known service" not in as_owner.get(f"{NEW}/{kind}/?service=openai").content.decode()


def test_a_form_that_is_refused_keeps_what_was_typed(as_owner, organization):
    response = as_owner.post(f"{NEW}/api_connection/", {"name": "", "base_url": "https://api.openai.com"})
    assert response.status_code == 422
    assert response.context["values"]["base_url"] == "https://api.openai.com"


def test_proposed_domains_are_only_a_proposal(as_owner, organization):
    page = as_owner.get("/o/harbor-clinics/secrets/new/?" + "&".join(f"domains=a{n}.example.com" for n in range(20)))
    assert len(page.context["values"]["domains"]) == 10
    page = as_owner.get("/o/harbor-clinics/secrets/new/?domains=%3Cscript%3E")
    assert "<script>" not in page.content.decode().split("<main")[1]
