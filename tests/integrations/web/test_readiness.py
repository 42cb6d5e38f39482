"""The readiness matrix: what would run where, and one click to what sets it right."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.common.environments import Environment
from integrations.editing.integrations import IntegrationChanges, create_integration, update_integration
from integrations.models import Integration
from secrets_app.editing.secrets import set_enabled
from secrets_app.models import Secret, SecretValue
from tests.support.things import make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db

PAGE = "/o/harbor-clinics/integrations/readiness/"
D, S, P = Environment


def cells(response):
    """What each line says, by integration and environment: `-` where it is not used, else the words."""
    return {
        (line["integration"].name, cell["environment"].value): "-"
        if not cell["is_used"]
        else [problem["word"] for problem in cell["problems"]]
        for group in response.context["groups"]
        for line in group["lines"]
        for cell in line["cells"]
    }


def fixes(response, name):
    """What to do about one integration, and where."""
    return {
        (problem["fix"], problem["href"])
        for group in response.context["groups"]
        for line in group["lines"]
        if line["integration"].name == name
        for cell in line["cells"]
        for problem in cell["problems"]
    }


def edit(thing, anchor=""):
    name = "secret-edit" if isinstance(thing, Secret) else "integration-edit"
    return reverse(name, args=["harbor-clinics", thing.id]) + anchor


def test_every_integration_is_told_for_every_environment(as_owner, owner):
    store_secret(owner, "only.staging", environments=[S])
    make_action(owner, "A", uses="only.staging", environments=[S, P])
    assert cells(as_owner.get(PAGE)) == {
        ("A", "development"): "-",
        ("A", "staging"): [],
        ("A", "production"): ["Secret missing"],
    }
    shown = as_owner.get(PAGE).content.decode()
    assert "The secret only.staging has no value in Production. Enter one." in shown
    assert "Ready" in shown
    assert "Not used" in shown


def test_each_problem_has_its_fix_one_click_away(as_owner, owner):
    partly, off = store_secret(owner, "partly", environments=[S]), store_secret(owner, "off.key")
    elsewhere = store_secret(owner, "elsewhere", allowed_domains=["other.example.com"])
    torn = store_secret(owner, "torn")
    for name, uses in [("No value", "partly"), ("Off", "off.key"), ("Domain", "elsewhere"), ("Torn", "torn")]:
        make_action(owner, name, uses=uses, environments=[P])
    make_action(owner, "Nobody", uses="not.yet", environments=[P])
    set_enabled(actor=owner, secret_id=off.id, enabled=False)
    SecretValue.objects.filter(secret=torn).update(unreadable=True)
    page = as_owner.get(PAGE)
    assert fixes(page, "No value") == {("Enter a value", edit(partly))}
    assert fixes(page, "Off") == {("Enable it", edit(off, "#f-enabled"))}
    assert fixes(page, "Domain") == {("Change its domains", edit(elsewhere, "#f-domains"))}
    assert fixes(page, "Torn") == {("Enter a new value", edit(torn))}
    assert fixes(page, "Nobody") == {("Create it", "/o/harbor-clinics/secrets/new/?name=not.yet")}
    for name in ("No value", "Off", "Domain", "Torn", "Nobody"):
        for _, href in fixes(page, name):
            assert as_owner.get(href.partition("#")[0]).status_code == 200


def test_what_it_builds_on_is_set_right_at_its_own_place(as_owner, owner, settings):
    store_secret(owner)
    connector = make_connector(owner, environments=[S])
    through = make_action(owner, "Through", uses="", auth_connector=str(connector.id), environments=[S, P])
    own = make_action(owner, "Own", uses="", environments=[S], enabled=False)
    page = as_owner.get(PAGE)
    assert cells(page)["Through", "production"] == ["Not in this environment"]
    assert fixes(page, "Through") == {("Choose environments", edit(connector, "#f-environments"))}
    assert fixes(page, "Own") == {("Enable it", edit(own, "#f-enabled"))}
    update_integration(
        actor=owner, integration_id=connector.id, changes=IntegrationChanges(enabled=False, environments=[S, P])
    )
    assert fixes(as_owner.get(PAGE), "Through") == {("Enable it", edit(connector, "#f-enabled"))}
    assert through.enabled


def test_an_address_that_may_not_be_called_is_changed_where_it_stands(as_owner, owner):
    connection_ = create_integration(
        actor=owner, kind="api_connection", name="API", environments=[S], config={"base_url": "http://127.0.0.1:1"}
    )
    make_action(owner, "On it", uses="", base_url="", connection=str(connection_.id))
    Integration.objects.filter(pk=connection_.pk).update(config={**connection_.config, "base_url": "http://10.0.0.1"})
    page = as_owner.get(PAGE)
    assert cells(page)["On it", "staging"] == ["Address not allowed"]
    assert fixes(page, "On it") == fixes(page, "API") == {("Change the address", edit(connection_))}


def test_an_integration_that_runs_nowhere_says_so(as_owner, owner):
    nowhere = make_action(owner, "Nowhere", uses="", environments=[])
    assert edit(nowhere, "#f-environments") in as_owner.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["A", "B", "N", "K"]),
        ("show=blocked", ["B", "N"]),
        ("show=blocked&environment=development", ["N"]),
        ("q=b", ["B"]),
        ("q=missing.key", ["B"]),
        ("kind=auth_connector", ["K"]),
        ("kind=unknown&environment=unknown", ["A", "B", "N", "K"]),
        ("q=nothing", []),
        ("q=%00", ["A", "B", "N", "K"]),
    ],
)
def test_it_is_narrowed(as_owner, owner, query, names):
    store_secret(owner)
    make_action(owner, "A", environments=[S, P])
    make_action(owner, "B", uses="missing.key", environments=[S])
    make_action(owner, "N", uses="", environments=[])
    make_connector(owner, "K")
    found = as_owner.get(f"{PAGE}?{query}", headers={"HX-Request": "true"})
    assert "<html" not in found.content.decode()
    assert [line["integration"].name for group in found.context["groups"] for line in group["lines"]] == names


def test_one_environment_is_one_column(as_owner, owner):
    make_action(owner, "A", uses="", environments=[S])
    page = as_owner.get(f"{PAGE}?environment=production")
    assert cells(page) == {("A", "production"): "-"}
    assert page.content.decode().count("<th>") == 2


def test_pages_follow_one_another(as_owner, owner):
    for number in range(53):
        make_action(owner, f"Action {number:02}", uses="missing.key")
    for show in ("", "blocked"):
        first = as_owner.get(f"{PAGE}?show={show}")
        second = as_owner.get(first.context["next_url"])
        names = [
            line["integration"].name
            for page in (first, second)
            for group in page.context["groups"]
            for line in group["lines"]
        ]
        assert names == [f"Action {number:02}" for number in range(53)], show
        assert second.context["next_url"] == "", show


@pytest.mark.parametrize("show", ["", "blocked"])
def test_number_of_queries_does_not_grow(as_owner, owner, show):
    def queries():
        with CaptureQueriesContext(connection) as found:
            as_owner.get(f"{PAGE}?show={show}")
        return len(found)

    store_secret(owner)
    link = make_connector(owner)
    make_action(owner, "First", uses="", auth_connector=str(link.id), environments=Environment)
    make_action(owner, "Blocked", uses="missing.one", environments=Environment)
    one = queries()
    for number in range(5):
        store_secret(owner, f"key.{number}", environments=[S])
        other = make_connector(owner, f"Connector {number}", uses=f"key.{number}")
        make_action(owner, f"More {number}", uses="", auth_connector=str(other.id), environments=Environment)
    assert queries() == one


def test_an_empty_organization_is_told_what_comes(as_owner, organization):
    assert "No integrations yet" in as_owner.get(PAGE).content.decode()


def test_everything_ready_is_told(as_owner, owner):
    make_action(owner, uses="")
    assert "Everything is ready" in as_owner.get(f"{PAGE}?show=blocked").content.decode()


def test_it_is_for_those_who_read_configurations(as_member, as_outsider, owner):
    make_action(owner, uses="")
    assert as_member.get(PAGE).status_code == 403
    assert as_outsider.get(PAGE).status_code == 404


def test_the_list_leads_there(as_owner, as_member, owner):
    make_action(owner, uses="")
    assert PAGE in as_owner.get("/o/harbor-clinics/integrations/").content.decode()
    assert PAGE not in as_member.get("/o/harbor-clinics/integrations/").content.decode()
