"""Every page of the Django admin opens over the demo data, on PostgreSQL, which refuses more queries than SQLite does.

The models come from the registry of the admin site, so the pages of a new model are opened without a change here.
"""

from itertools import islice
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, SEARCH_VAR
from django.urls import reverse

from accounts.actors import actor_for_member
from accounts.common.environments import in_order
from accounts.models import Membership
from accounts.people.invitations import invite
from accounts.policy import Role
from accounts.staff.lists import ORGANIZATION, records_of
from integrations.models import Integration
from tests.factories import WaitingMailFactory
from tests.support.demo import loaded_demo
from tests.support.staff import staff_browser
from tests.support.things import key_for

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROWS = 6
"""Rows of each model whose own pages are opened; runs and audit events are many and alike."""
CHOICES = 4
"""Choices of each filter that are taken; there are many kinds of audit events."""


@pytest.fixture
def demo(tmp_path):
    """The demo's owner; with an API key, an invitation and a waiting mail, of which the demo has none."""
    with loaded_demo(tmp_path):
        owner = actor_for_member(Membership.objects.filter(role=Role.OWNER).get(organization__slug="harbor-clinics"))
        key_for(owner)
        invite(actor=owner, emails=["nora@harbor.example"], role=Role.MEMBER)
        WaitingMailFactory()
        yield owner


@pytest.fixture
def staff(demo):
    """A browser that answers 500 where a page fails, so that the test names every page that does."""
    return staff_browser(raise_request_exception=False)


def page_of(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def failures(staff, paths):
    """The paths that do not open, with their status."""
    answers = {path: staff.get(path).status_code for path in paths}
    assert answers
    return {path: status for path, status in answers.items() if status != 200}


def list_page(model, owner, **query):
    """The address of a model's list; records are listed for the owner's organization."""
    of_one = {ORGANIZATION: owner.organization.id} if model in records_of(admin.site) else {}
    return f"{page_of(model, 'changelist')}?{urlencode(of_one | query)}"


def orders_and_searches(model, owner, columns, row):
    """A model's list: as it is, all of it, in the order of each column, searched."""
    yield from (page_of(model, "changelist"), list_page(model, owner), list_page(model, owner, **{ALL_VAR: ""}))
    for column in range(len(columns)):
        yield list_page(model, owner, **{ORDER_VAR: -column if column % 2 else column})
    for words in ("harbor-clinics", "crm.apiKey", "Look up patient", str(row), str(row.pk)):
        yield list_page(model, owner, **{SEARCH_VAR: words})


def filtered(model, owner, shown):
    """A model's list with the choices of each filter that the list offers."""
    for offered in shown.filter_specs:
        choices = islice(offered.choices(shown), CHOICES)
        yield from (page_of(model, "changelist") + choice["query_string"] for choice in choices)


def test_every_page_opens_over_the_demo(demo, staff):
    """One test, for the demo takes longer to load than its pages to open."""
    paths = []
    for model in admin.site._registry:
        shown = staff.get(list_page(model, demo)).context["cl"]
        assert shown.result_count
        paths += orders_and_searches(model, demo, shown.list_display, model._default_manager.first())
        paths += filtered(model, demo, shown)
        rows = model._default_manager.all()[:ROWS]
        paths += [page_of(model, name, row.pk) for row in rows for name in ("change", "history")]
    assert failures(staff, paths) == {}
    check_environments_of_integrations(staff)


def check_environments_of_integrations(staff):
    """The page of an integration names its environments."""
    shown = {
        frozenset(row.environments): staff.get(page_of(Integration, "change", row.pk)).content.decode()
        for row in Integration.objects.all()
    }
    assert len(shown) > 3
    for environments, page in shown.items():
        labels = ", ".join(environment.label for environment in in_order(environments))
        assert f'<div class="readonly">{labels}</div>' in page
