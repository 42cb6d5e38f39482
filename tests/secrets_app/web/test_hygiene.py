"""The hygiene page: every finding with its fix, filters in the URL, the comparison on request."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.common.environments import Environment
from secrets_app.editing.secrets import set_enabled
from secrets_app.hygiene.findings import FINDINGS
from secrets_app.models import Secret, SecretValue
from secrets_app.web import hygiene
from tests.support.canary import VALUES, leaks
from tests.support.things import make_action, saved_days_ago, store_secret

pytestmark = pytest.mark.django_db

SLUG = "harbor-clinics"
PAGE, COMPARE = f"/o/{SLUG}/secrets/hygiene/", f"/o/{SLUG}/secrets/hygiene/compare/"


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def trouble(owner):
    """At least one secret for each finding; by name."""
    secrets = {
        name: store_secret(owner, name, f"value-of-{name}", **fields)
        for name, fields in {
            "live.open": {"environments": [Environment.PRODUCTION]},
            "off.used": {"environments": []},
            "late.key": {"rotate_every_days": 30, "environments": [Environment.STAGING]},
            "stale.key": {"environments": []},
            "token": {"environments": []},
        }.items()
    }
    make_action(owner, "A", uses="off.used")
    set_enabled(actor=owner, secret_id=secrets["off.used"].id, enabled=False)
    make_action(owner, "B", uses="billing.token")
    make_action(owner, "C", uses="token")
    saved_days_ago(8)
    Secret.objects.filter(name="stale.key").update(last_used_at=timezone.now() - timedelta(days=120))
    SecretValue.objects.filter(secret=secrets["late.key"]).update(created_at=timezone.now() - timedelta(days=40))
    return secrets


def test_each_finding_is_there_with_its_fix_one_click_away(as_owner, trouble):
    page = as_owner.get(PAGE).content.decode()
    fixes = {
        "billing.token": ("Create it", reverse("secret-new", args=[SLUG]) + "?name=billing.token"),
        "token": ("Enter value", reverse("secret-edit", args=[SLUG, trouble["token"].id])),
        "live.open": ("Add domains", reverse("secret-edit", args=[SLUG, trouble["live.open"].id]) + "#f-domains"),
        "off.used": ("Enable…", reverse("secret-edit", args=[SLUG, trouble["off.used"].id]) + "#f-enabled"),
        "late.key": ("Rotate", reverse("secret-rotate", args=[SLUG, trouble["late.key"].id])),
        "stale.key": ("Delete…", reverse("secret-delete", args=[SLUG, trouble["stale.key"].id])),
    }
    for name, (word, href) in fixes.items():
        assert f'href="{href}" aria-label="{word} {name}"' in page
        assert as_owner.get(href).status_code == 200
    rename = reverse("secret-edit", args=[SLUG, trouble["token"].id]) + "#f-name"
    assert f'href="{rename}" aria-label="Rename token"' in page
    assert f'aria-label="Review {trouble["late.key"].name}"' in page
    assert all(finding.title in page for finding in FINDINGS)


def test_fields_that_fixes_lead_to_exist(as_owner, trouble):
    form = as_owner.get(reverse("secret-edit", args=[SLUG, trouble["token"].id])).content.decode()
    fields = {finding.fix.field for finding in FINDINGS if finding.fix.field}
    assert fields == {field for field in fields if f'id="{field}"' in form}


def test_counts_add_up(as_owner, trouble):
    text = text_of(as_owner.get(PAGE))
    assert "Fix first 4 Rotation 1 Tidy up 6 Checks passed 2 of 10" in text


def test_nothing_to_tidy_up(as_owner):
    text = text_of(as_owner.get(PAGE))
    assert "Everything is in good order" in text
    assert "Checks passed 10 of 10" in text


def test_one_finding_is_paged_and_kept_in_the_url(as_owner, owner):
    for number in range(60):
        store_secret(owner, f"key{number:02}.crm", environments=[])
    saved_days_ago(8)
    overview = as_owner.get(PAGE).content.decode()
    assert overview.count('aria-label="Review') == hygiene.PREVIEWED
    assert f'href="{PAGE}?finding=never-used"' in overview
    first = as_owner.get(PAGE, {"finding": "never-used", "q": "crm"}).content.decode()
    assert first.count('aria-label="Review') == 50
    assert '<option value="never-used" selected>' in first
    following = re.search(r'href="([^"]*cursor=[^"]*)"', first)[1].replace("&amp;", "&")
    assert "finding=never-used" in following and "q=crm" in following
    second = as_owner.get(following).content.decode()
    assert second.count('aria-label="Review') == 10
    assert "cursor=" not in second


def test_fragment_is_what_the_page_includes(as_owner, trouble):
    whole, part = as_owner.get(PAGE), as_owner.get(PAGE, HTTP_HX_REQUEST="true")
    assert part.content.decode().strip() in whole.content.decode()
    assert "<html" not in part.content.decode()


@pytest.mark.parametrize("query", ["finding=nonsense", "q=\0", "cursor=nonsense", "finding=unused&q=%ff"])
def test_odd_addresses_are_made_ordinary(as_owner, trouble, query):
    assert as_owner.get(f"{PAGE}?{query}").status_code == 200


def test_cursor_of_another_list_is_refused(as_owner, trouble):
    assert as_owner.get(f"{PAGE}?finding=unused&cursor=nonsense").status_code == 422


def test_search_that_finds_nothing_says_the_way_back(as_owner, trouble):
    assert "No such finding" in text_of(as_owner.get(PAGE, {"q": "nothing-has-this"}))


def test_page_costs_a_constant_number_of_queries(as_owner, owner, trouble):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            as_owner.get(PAGE)
        return len(captured)

    few = queries()
    for number in range(20):
        store_secret(owner, f"secret{number}")
        make_action(owner, f"Waits {number}", uses=f"gone{number}")
    assert queries() == few


def test_large_counts_are_capped(as_owner, owner, monkeypatch):
    monkeypatch.setattr("secrets_app.hygiene.findings.COUNTED_AT_MOST", 2)
    monkeypatch.setattr(hygiene, "COUNTED_AT_MOST", 2)
    for number in range(4):
        store_secret(owner, f"key{number}.crm", environments=[])
    saved_days_ago(8)
    assert "Tidy up 2+" in text_of(as_owner.get(PAGE))


def test_way_to_the_page_is_shown_to_those_who_may(as_owner, as_member):
    listing = f"/o/{SLUG}/secrets/"
    assert f'href="{PAGE}"' in as_owner.get(listing).content.decode()
    assert PAGE not in as_member.get(listing).content.decode()
    assert "Hygiene" not in as_member.get(listing).content.decode()


# The comparison


def test_comparison_tells_names_and_environments_and_no_value(as_owner, owner):
    cache.clear()
    for number in range(2):
        store_secret(owner, f"crm{number}.key", VALUES[Environment.STAGING], [Environment.STAGING])
    store_secret(owner, "pin.key", "1234", [Environment.PRODUCTION], allow_short=True)
    response = as_owner.post(COMPARE, HTTP_HX_REQUEST="true")
    text = text_of(response)
    assert "crm0.key S crm1.key S Several secrets hold one value." in text
    assert "pin.key P" in text
    assert "3 values compared just now. Nothing of this list is kept." in text
    assert leaks({"page": response.content}) == []


def test_comparison_without_scripts_is_the_whole_page(as_owner, owner):
    cache.clear()
    store_secret(owner, "a.key", "value-that-is-alone", [Environment.STAGING])
    response = as_owner.post(COMPARE)
    assert "No two values are the same, and none is very short" in text_of(response)
    assert "<h1>Hygiene</h1>" in response.content.decode()
    assert "compared just now" not in text_of(as_owner.get(PAGE))


def test_comparison_too_soon_is_told(as_owner):
    cache.clear()
    assert as_owner.post(COMPARE).status_code == 200
    response = as_owner.post(COMPARE)
    assert response.status_code == 429
    assert "Try again in a moment." in text_of(response)


def test_many_equal_values_are_cut_and_counted(as_owner, owner, monkeypatch):
    cache.clear()
    monkeypatch.setattr(hygiene, "GROUPS_AT_MOST", 1)
    for number in range(3):
        store_secret(owner, f"key{number}.crm", f"value-of-key-{number}")
    assert "2 more are not shown." in text_of(as_owner.post(COMPARE))


# Who may not


def test_member_outsider_and_get(as_owner, as_member, as_outsider):
    assert (as_member.get(PAGE).status_code, as_member.post(COMPARE).status_code) == (403, 403)
    assert (as_outsider.get(PAGE).status_code, as_outsider.post(COMPARE).status_code) == (404, 404)
    assert as_owner.get(COMPARE).status_code == 405
