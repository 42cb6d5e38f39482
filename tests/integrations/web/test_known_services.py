"""Well-known services: each fills a form that can be saved as it is, and names where its secrets should go."""

import pytest

from accounts.common.environments import Environment
from integrations.inheritance import routes_of, with_parents
from integrations.kinds import KINDS
from integrations.known_services.catalogue import service as service_with
from integrations.models import Integration
from integrations.readiness.warnings import warnings_for
from secrets_app.models import Secret
from tests.support.databases.undone import failures
from tests.support.things import make_connection, store_secret
from tests.support.web.sent_by_browsers import form_with

pytestmark = pytest.mark.django_db

NEW = "/o/harbor-clinics/integrations/new"
SHAPES = ("anthropic", "linear", "microsoft_graph", "slack", "twilio", "zendesk")
"""Services that differ in where the credential goes, in bodies, and in whose the host is."""
SERVICES = {key: service for key in SHAPES if (service := service_with(key))}
STARTS = {f"{key} {kind}": (service, kind) for key, service in SERVICES.items() for kind in service.configs}


def test_each_fills_a_form_that_can_be_saved_as_it_is(as_owner, owner):
    def attempt(case):
        service, kind = STARTS[case]
        page = as_owner.get(f"{NEW}/{kind}/?service={service.key}")
        sent = form_with(page, "name") | {"environments": ["staging"]}
        assert as_owner.post(f"{NEW}/{kind}/", sent).status_code == 303
        stored = Integration.objects.get()
        assert stored.name == service.name
        assert service.configs[kind].items() <= stored.config.items()
        names = {secret["name"] for secret in page.context["service_secrets"]}
        for name in names:
            store_secret(owner, name, allowed_domains=list(service.hosts), environments=[Environment.STAGING])
        assert warnings_for(stored) == []
        assert routes_of(with_parents(stored))[0].secret_names == names

    assert failures(STARTS, attempt) == {}


def test_each_useful_action_fills_a_form_that_can_be_saved_as_it_is(as_owner, owner):
    """Through the page of the connection, as people come to it."""

    def attempt(key):
        known = SERVICES[key]
        connection = make_connection(owner, environments=[Environment.STAGING], **known.connection)
        links = as_owner.get(f"/o/harbor-clinics/integrations/{connection.pk}/").context["useful"]
        assert [link["name"] for link in links] == [operation.name for operation in known.operations]
        for link, operation in zip(links, known.operations, strict=True):
            response = as_owner.post(f"{NEW}/api_action/", form_with(as_owner.get(link["href"]), "name"))
            assert response.status_code == 303
            stored = Integration.objects.get(kind="api_action", name=operation.name)
            assert (stored.connection_id, set(stored.environments)) == (connection.pk, {Environment.STAGING})
            assert {**stored.config, **operation.config} == stored.config
            stored.delete()

    assert failures(SERVICES, attempt) == {}


def test_page_of_another_connection_proposes_nothing(as_owner, owner, outsider):
    own, foreign = make_connection(owner), make_connection(outsider, base_url="https://api.openai.com")
    assert as_owner.get(f"/o/harbor-clinics/integrations/{own.pk}/").context["useful"] == []
    form = as_owner.get(f"{NEW}/api_action/?service=twilio&operation=look-up-a-call&connection={foreign.pk}")
    assert (form.context["values"]["name"], form.context["values"]["connection"]) == ("Look up a call", "")


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
        "api_action/?service=openai",
        "api_action/?service=twilio&operation=nothing",
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
