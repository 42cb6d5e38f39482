"""The list of secrets: sorting, groups, acts on several rows, and a cost that does not grow with the list."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.common.environments import Environment
from secrets_app.inventory import inventory
from secrets_app.models import Secret
from tests.support.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"
LIST = f"/o/{SLUG}/secrets/"
SWITCH = f"/o/{SLUG}/secrets/switch/"
COUNTS = f"/o/{SLUG}/secrets/counts/"


def listed(page):
    return re.findall(r'aria-label="Choose ([^"]+)"', page)[1:]


def content(client, path=LIST, **query):
    response = client.get(path, query)
    assert response.status_code == 200
    return unescape(response.content.decode())


@pytest.fixture
def several(owner):
    names = ["crm.token", "crm.apiKey", "single.key", "plain", "sip.password", "sip.user"]
    return {name: store_secret(owner, name) for name in names}


def test_headings_sort_and_say_how(as_owner, several):
    page = content(as_owner)
    assert listed(page) == sorted(several)
    assert 'aria-sort="ascending"' in page
    down = re.search(r'<a class="sort" href="([^"]+)"', page).group(1)
    assert down == f"{LIST}?sort=-name"
    page = unescape(as_owner.get(down).content.decode())
    assert listed(page) == sorted(several, reverse=True)
    assert 'aria-sort="descending"' in page


def test_sorting_keeps_search_and_filters_and_they_keep_the_sorting(as_owner, several):
    page = content(as_owner, q="crm", status="active", sort="-name")
    assert listed(page) == ["crm.token", "crm.apiKey"]
    assert f"{LIST}?q=crm&status=active&sort=-used" in page
    assert '<input type="hidden" name="sort" value="-name" form="filters">' in page


@pytest.mark.parametrize("sort", ["", "sealed", "-sealed", "name;", "__class__"])
def test_unknown_order_is_the_order_by_name(as_owner, several, sort):
    assert listed(content(as_owner, sort=sort)) == sorted(several)


def test_names_with_one_prefix_stand_together(as_owner, several):
    groups = re.findall(
        r'<tr class="group"><th colspan="8" scope="rowgroup">(?:<span class="mono">)?([\w. ]+?)(?:</span>)? '
        r'<span class="count">(\d+)',
        content(as_owner),
    )
    assert groups == [("crm.", "2"), ("Without a group", "2"), ("sip.", "2")]


def test_other_orders_are_not_grouped(as_owner, several):
    assert 'class="group"' not in content(as_owner, sort="-used")


def test_next_page_keeps_the_order(as_owner, owner):
    for number in range(33):
        store_secret(owner, f"key{number:02}")
    page = content(as_owner, sort="-name")
    following = re.search(r'class="btn sm" href="([^"]+)"', page).group(1)
    assert listed(unescape(as_owner.get(following).content.decode())) == ["key02", "key01", "key00"]


def test_chosen_secrets_are_disabled_together_and_the_list_is_as_it_was(as_owner, several):
    picks = [str(several[name].id) for name in ("crm.token", "crm.apiKey")]
    response = as_owner.post(SWITCH, {"act": "disable", "pick": picks, "back": "q=crm&sort=-name&cursor="})
    assert (response.status_code, response.headers["Location"]) == (303, f"{LIST}?q=crm&sort=-name")
    assert sorted(Secret.objects.filter(enabled=False).values_list("name", flat=True)) == ["crm.apiKey", "crm.token"]
    assert "Disabled crm.apiKey, crm.token" in content(as_owner)
    as_owner.post(SWITCH, {"act": "enable", "pick": picks})
    assert not Secret.objects.filter(enabled=False).exists()


def test_way_back_leads_to_the_list_and_nowhere_else(as_owner, several):
    pick = str(several["plain"].id)
    response = as_owner.post(
        SWITCH, {"act": "disable", "pick": pick, "back": "https://evil.example/?x=1&next=//evil.example"}
    )
    assert response.headers["Location"] == LIST


def test_many_are_told_as_a_number(as_owner, several):
    as_owner.post(SWITCH, {"act": "disable", "pick": [str(secret.id) for secret in several.values()]})
    assert "Disabled crm.apiKey, crm.token, plain and 3 more" in content(as_owner)


@pytest.mark.parametrize("picks", [[], ["x"], ["00000000-0000-0000-0000-000000000000x"]])
def test_choosing_nothing_is_refused_with_a_sentence(as_owner, several, picks):
    response = as_owner.post(SWITCH, {"act": "disable", "pick": picks})
    assert response.status_code == 422
    assert "Choose at least one secret." in response.content.decode()


@pytest.mark.parametrize("act", ["", "delete", "Enable"])
def test_unknown_act_is_refused_and_switches_nothing(as_owner, several, act):
    response = as_owner.post(SWITCH, {"act": act, "pick": [str(several["plain"].id)]})
    assert response.status_code == 422
    assert not Secret.objects.filter(enabled=False).exists()


def test_member_has_no_choice_and_may_not_switch(as_member, several):
    assert 'name="pick"' not in content(as_member)
    assert as_member.post(SWITCH, {"act": "disable", "pick": [str(several["plain"].id)]}).status_code == 403
    assert as_member.get(COUNTS).status_code == 403
    assert not Secret.objects.filter(enabled=False).exists()


def test_numbers_come_with_the_page_or_after_it(as_owner, several, monkeypatch):
    page = content(as_owner)
    assert 'id="count-all">6</span>' in page
    assert 'hx-trigger="counts from:body"' in page
    monkeypatch.setattr(inventory, "COUNTED_AT_ONCE", 2)
    page = content(as_owner)
    assert 'id="count-all"></span>' in page
    assert 'hx-trigger="load, counts from:body"' in page
    assert 'id="count-all" hx-swap-oob="true">6</span>' in content(as_owner, COUNTS)


def fill(owner, count, first=0):
    for number in range(first, first + count):
        store_secret(owner, f"group{number % 7}.key{number:03}")
        make_action(owner, f"Action {number}", uses=f"group{number % 7}.key{number:03}", environments=list(Environment))


def queries_of(client, path, **headers):
    client.get(path, headers=headers)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path, headers=headers).status_code == 200
    return len(captured)


def test_queries_do_not_grow_with_the_list(as_owner, client, owner):
    headers = {"authorization": f"Bearer {key_for(owner)}"}
    pages = [f"{LIST}?sort={sort}" for sort in ("name", "-used", "-usage")]

    def queries():
        page_queries = {page: queries_of(as_owner, page) for page in pages}
        return page_queries | {"API": queries_of(client, "/api/v1/secrets?limit=100", **headers)}

    fill(owner, 3)
    few = queries()
    fill(owner, 30, first=3)
    assert queries() == few


def test_way_to_each_row_is_there_for_keyboards(as_owner, several):
    page = content(as_owner)
    for name, secret in several.items():
        assert f'aria-label="Choose {name}"' in page
        assert reverse("secret-details", args=[SLUG, secret.id]) in page


@pytest.mark.parametrize("path", [LIST, f"{LIST}new/", f"/o/{SLUG}/integrations/"])
def test_frame_of_every_page_tells_how_many_are_missing(as_owner, owner, several, path):
    assert 'id="nav-missing" hidden></span>' in content(as_owner, path)
    make_action(owner, "One", uses="a.missing")
    assert 'id="nav-missing" title="1 missing">1<span class="vh"> missing</span></span>' in content(as_owner, path)


def test_details_tell_who_set_a_value_and_do_not_grow_without_end(as_owner, owner, several):
    secret = several["plain"]
    for number in range(22):
        make_action(owner, f"Action {number:02}", uses="plain")
    page = content(as_owner, reverse("secret-details", args=[SLUG, secret.id]))
    assert f"by {owner.label}" in page
    assert (page.count("Action 1"), "Action 21" in page, "All 22 references" in page) == (10, False, True)
