"""The overview: the home of owners and admins, with figures, what fails, what waits, who is active; the first steps."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.common.when import NOTHING
from accounts.models import ApiKey, Organization
from integrations.figures import keeping
from integrations.models import HiddenFirstSteps, Integration
from tests import factories
from tests.support.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
HOME = "/o/harbor-clinics/"
OVERVIEW = HOME + "overview/"


@pytest.fixture
def called(owner):
    """An action that an agent has called, an hour ago."""
    store_secret(owner)
    action = make_action(owner)
    key_for(owner)
    key = ApiKey.objects.get().pk
    run_of(owner, action, duration_ms=180, caller_kind="api_key", caller_id=key, principal_id=key)
    return action


def run_of(owner, action, hours_ago=1.0, **fields):
    return factories.RunFactory(
        organization=owner.organization,
        integration_id=action.pk,
        integration_name=action.name,
        started_at=timezone.now() - timedelta(hours=hours_ago),
        **fields,
    )


def context_of(client, query=""):
    response = client.get(OVERVIEW + query)
    assert response.status_code == 200
    return response.context


def text_of(client, query=""):
    response = client.get(OVERVIEW + query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def figures_of(client, query=""):
    return [tile.figure for tile in context_of(client, query)["tiles"]]


def test_owners_and_admins_land_on_the_overview_and_members_on_the_secrets(as_owner, as_member):
    assert as_owner.get("/").headers["Location"] == OVERVIEW
    assert as_member.get("/").headers["Location"] == HOME + "secrets/"
    assert f'href="{OVERVIEW}"' in as_owner.get(HOME + "secrets/").content.decode()
    assert OVERVIEW not in as_member.get(HOME + "secrets/").content.decode()


def test_figures_of_a_period_and_an_environment(as_owner, owner, called):
    run_of(owner, called, 2, upstream_error=True, environment="production")
    run_of(owner, called, 24 * 3)
    run_of(owner, called, 24 * 20)
    run_of(owner, called, 24 * 40)
    for _ in range(2):
        assert figures_of(as_owner)[:3] == ["2", "50.00", "1"]
        assert figures_of(as_owner, "?environment=production")[:3] == ["1", "0.00", "1"]
        assert figures_of(as_owner, "?period=7d")[0] == "3"
        assert figures_of(as_owner, "?period=30d")[0] == "4"
        keeping.count_hours(owner.organization.pk)
    assert figures_of(as_owner, "?period=a-year&environment=nowhere")[0] == "2"


def test_figures_are_compared_with_the_period_before(as_owner, owner, called):
    assert "No calls in the 24 hours before" in text_of(as_owner)
    for _ in range(4):
        run_of(owner, called, 30, duration_ms=900)
    page = text_of(as_owner)
    assert "less than in the 24 hours before" in page
    assert "faster" in page


def test_charts_have_their_figures_as_a_table(as_owner, owner, called):
    charts = context_of(as_owner)["charts"]
    assert (len(charts.columns), charts.most, sum(column.all for column in charts.columns)) == (24, 2, 1)
    assert "style=" not in text_of(as_owner)
    assert f"<td>{charts.columns[-2].label}</td>" in text_of(as_owner)
    assert len(context_of(as_owner, "?period=30d")["charts"].columns) == 30


def test_failing_integrations_say_why_and_how_to_mend_it(as_owner, owner, called):
    run = run_of(owner, called, outcome="upstream_error", status=401)
    secret = store_secret(owner, "other.key")
    factories.RunSecretFactory(run=run, secret_id=secret.pk, name="other.key")
    factories.IntegrationStateFactory(
        integration=called, organization=owner.organization, failing=True, status=401, run_id=run.pk
    )
    make_action(owner, "Fetch invoice", uses="billing.token")
    lines = {line.integration.name: line for line in context_of(as_owner)["failing"]}
    credential, missing = lines[called.name], lines["Fetch invoice"]
    assert (credential.reason, credential.fix.label, credential.tally.failed) == ("upstream 401", "Rotate other.key", 1)
    assert (missing.reason, missing.fix.label) == ("secret_missing", "Create billing.token")
    assert "The upstream refuses the credential" in text_of(as_owner)
    assert not context_of(as_owner, "?environment=production")["failing"]


def test_what_waits_for_a_person_is_listed(as_owner, owner, called):
    assert "Nothing needs you" in text_of(as_owner)
    organization = owner.organization
    make_action(owner, "Fetch invoice", uses="billing.token")
    secret = factories.SecretFactory(organization=organization, name="pms.token")
    factories.SecretValueFactory(secret=secret, staged=True)
    window = timezone.now() + timedelta(hours=5)
    factories.SecretValueFactory(secret=secret, environment="production", previous=True)
    secret.values.filter(state="previous").update(rollback_until=window)
    factories.SecretRequestFactory(organization=organization, asked_by="Jonas Weber")
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=9, hours=1))
    ApiKey.objects.update(suspended_at=timezone.now())
    tool = factories.RemoteToolFactory(integration__organization=organization, shown_fingerprint="0" * 64)
    titles = [one.title for one, _ in context_of(as_owner)["waiting"]]
    assert titles[:4] == [
        "1 secret is missing", "1 API key is suspended", "A staged value waits", "A roll-back window is open"
    ]  # fmt: skip
    assert titles[-3:] == ["1 API key expires", "1 tool changed", "1 person asks for a secret"]
    page = text_of(as_owner)
    assert f"/integrations/{tool.integration_id}/tools/" in page
    assert "billing.token" in page


def test_who_called_is_named(as_owner, owner, called):
    run_of(owner, called, 0.1, caller_kind="user", caller_id=owner.id, principal_id=owner.id)
    lines = context_of(as_owner)["active"]
    assert [(line.is_key, line.calls) for line in lines] == [(False, 1), (True, 1)]


def test_htmx_gets_the_page_without_its_frame_and_the_figures_alone(as_owner, called):
    part = as_owner.get(OVERVIEW, headers=HTMX).content.decode()
    assert ("<html" in part, 'id="overview"' in part) == (False, True)
    assert as_owner.get(OVERVIEW + "figures/").content.decode().count('class="kpi"') == 5


def test_a_member_gets_nothing(as_member, called):
    for path in (OVERVIEW, OVERVIEW + "figures/", OVERVIEW + "steps/"):
        assert as_member.get(path).status_code == 403
    assert as_member.post(OVERVIEW + "hide-steps/").status_code == 403


def test_another_organization_does_not_exist(as_outsider, called):
    assert as_outsider.get(OVERVIEW).status_code == 404


def ticked(client):
    return [bool(step.done) for step, _ in context_of(client)["steps"]]


def test_first_steps_tick_themselves_until_an_agent_has_called(as_owner, owner):
    assert ticked(as_owner) == [False] * 5
    store_secret(owner)
    action = make_action(owner)
    assert ticked(as_owner) == [True, True, False, False, False]
    assert as_owner.get(OVERVIEW + "steps/?done=2").headers.get("HX-Refresh") is None
    factories.IntegrationStateFactory(integration=action, organization=owner.organization)
    key_for(owner)
    assert ticked(as_owner) == [True] * 4 + [False]
    assert as_owner.get(OVERVIEW + "steps/?done=2").headers["HX-Refresh"] == "true"
    key = ApiKey.objects.get().pk
    run_of(owner, action, 0, caller_kind="api_key", caller_id=key, principal_id=key)
    assert "tiles" in context_of(as_owner)


def test_every_page_of_a_step_is_there(as_owner, owner):
    for _ in range(2):
        for _, url in context_of(as_owner)["steps"]:
            assert as_owner.get(url, follow=True).status_code == 200
        store_secret(owner) if not Integration.objects.exists() else None
        make_action(owner, f"Action {Integration.objects.count()}")
        key_for(owner)


def test_first_steps_can_be_hidden_for_everybody(as_owner, owner):
    response = as_owner.post(OVERVIEW + "hide-steps/")
    assert (response.status_code, response.headers["Location"]) == (303, OVERVIEW)
    assert HiddenFirstSteps.objects.get().organization == owner.organization
    assert figures_of(as_owner)[:2] == ["0", NOTHING]
    assert "Nothing fails" in text_of(as_owner)


def test_a_page_asks_the_same_number_of_queries_whatever_the_number_of_runs(
    as_owner, owner, called, django_assert_max_num_queries
):
    for hours in range(40):
        run_of(owner, called, hours)
    keeping.count_hours(owner.organization.pk)
    Organization.objects.get()
    with django_assert_max_num_queries(60):
        as_owner.get(OVERVIEW)
