"""The API keys page: the list, making a key, its text shown once and kept nowhere, revoking."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.api_keys import create_api_key
from accounts.access.callers import actor_of_key
from accounts.access.key_text import LENGTH, MARK, read_key
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import Unauthenticated
from accounts.models import ApiKey, AuditEvent
from accounts.policy import ADMIN_PERMISSIONS, Scope
from integrations.editing.integrations import delete_integration
from integrations.readiness import api_keys as key_overview
from tests.fixtures.browsers import browser_of
from tests.support import canary
from tests.support.browser_sessions import stored_sessions
from tests.support.things import make_action, store_secret
from tests.support.web.api_key_forms import CHOICES, LIST, NEW, fields, make, page_of, revoke_path

pytestmark = pytest.mark.django_db


def text_in(response):
    """The key's text on the page that shows it."""
    page = response.content.decode()
    start = page.index(f'data-copy="{MARK}') + len('data-copy="')
    return page[start : start + LENGTH]


# What works: making one


def test_a_key_is_made_and_its_text_signs_in(as_owner, organization):
    response = as_owner.post(NEW, fields())
    assert response.status_code == 200
    actor = actor_of_key(text_in(response), address=None)
    assert (actor.organization, actor.environments) == (organization, {Environment.STAGING, Environment.PRODUCTION})
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.integrations, key.max_concurrent, key.max_per_minute) == (
        "voice-runtime", ["run"], None, 100, None,
    )  # fmt: skip
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)


def test_every_field_reaches_the_key(as_owner, owner):
    action, _ = make_action(owner, uses=""), make_action(owner, "Other", uses="")
    some = {"reach": "some", "integrations": [str(action.id)], "scopes": [scope.value for scope in Scope]}
    limits = {"max_concurrent": "7", "max_per_minute": " 600 ", "expires": "date", "expires_on": "2099-01-31"}
    assert as_owner.post(NEW, fields(**some, **limits)).status_code == 200
    key = ApiKey.objects.get()
    assert (key.integrations, key.max_concurrent, key.max_per_minute) == ([str(action.id)], 7, 600)
    assert (set(key.scopes), key.expires_at) == (set(Scope), datetime(2099, 1, 31, 23, 59, 59, tzinfo=UTC))


def test_a_key_is_limited_to_named_secrets(as_owner, owner):
    first, second = store_secret(owner), store_secret(owner, "crm.other")
    form = fields(scopes=["secrets.use", "integrations.write"], secrets=" crm.apiKey\r\n\r\ncrm.other ")
    assert as_owner.post(NEW, form).status_code == 200
    key = ApiKey.objects.get()
    assert key.secrets == sorted([str(first.id), str(second.id)])
    assert AuditEvent.objects.get(event="api_key.created").data["secrets"] == key.secrets
    as_owner.post(NEW, fields(secrets="  "))
    assert ApiKey.objects.latest("created_at").secrets is None


def test_a_secret_that_does_not_exist_is_told_and_stays_typed(as_owner, outsider):
    store_secret(outsider, "of.others")
    page = as_owner.post(NEW, fields(scopes=["secrets.use"], secrets="of.others"))
    assert page.status_code == 422
    assert "No secret is called of.others" in page.content.decode()
    assert 'id="f-secrets"' in page.content.decode()
    assert not ApiKey.objects.exists()


def test_integrations_that_are_ticked_do_not_count_for_all(as_owner, owner):
    as_owner.post(NEW, fields(integrations=[str(make_action(owner, uses="").id)]))
    assert ApiKey.objects.get().integrations is None


def test_a_key_without_an_end(as_owner):
    assert as_owner.post(NEW, fields(expires="never")).status_code == 200
    assert ApiKey.objects.get().expires_at is None


def test_an_admin_makes_one_and_is_on_record(admin):
    response = browser_of(admin).post(NEW, fields())
    event = AuditEvent.objects.get(event="api_key.created")
    assert (event.actor_id, event.target_label) == (admin.id, "voice-runtime")
    assert text_in(response)[15:] not in str(event.data)


def test_a_key_with_every_scope_holds_no_more_than_an_admin(as_owner):
    response = as_owner.post(NEW, fields(scopes=[scope.value for scope in Scope]))
    assert actor_of_key(text_in(response), address=None).permissions <= ADMIN_PERMISSIONS


def test_the_form_starts_with_the_least(as_owner):
    values = as_owner.get(NEW).context["values"]
    assert (values["scopes"], values["environments"], values["reach"]) == (["run"], ["production"], "all")
    assert 'value="90" selected' in page_of(as_owner, NEW)


# Its text is shown once


def test_text_is_in_the_answer_and_in_no_later_one(as_owner):
    response = as_owner.post(NEW, fields())
    assert "no-store" in response.headers["Cache-Control"]
    assert read_key(text_in(response)) is not None
    secret = text_in(response)[15:]
    assert secret not in str(response.headers) and secret not in str(response.cookies)
    key = ApiKey.objects.get()
    for path in (LIST, NEW, revoke_path(key)):
        assert secret not in page_of(as_owner, path)


def test_a_form_that_is_sent_again_makes_no_second_key(as_owner):
    form = fields()
    first = text_in(as_owner.post(NEW, form))
    again = as_owner.post(NEW, form)
    assert again.status_code == 422
    assert "This form was already submitted and its key was created." in again.content.decode()
    assert first[15:] not in again.content.decode()
    assert (ApiKey.objects.count(), AuditEvent.objects.filter(event="api_key.created").count()) == (1, 1)


def test_the_number_of_a_form_means_nothing_in_another_organization(as_owner, as_outsider, outsider):
    form = fields()
    as_owner.post(NEW, form)
    assert as_outsider.post(f"/o/{outsider.organization.slug}/api-keys/new/", form).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_text_is_stored_logged_and_cached_nowhere(as_owner, monkeypatch):
    made = []
    from accounts.access import api_keys

    fresh = api_keys.new_key

    def known():
        made.append(fresh())
        secret = made[0].text[15:]
        monkeypatch.setattr(canary, "FORMS", {("", name): form for name, form in canary.forms_of(secret).items()})
        return made[0]

    monkeypatch.setattr(api_keys, "new_key", known)
    with canary.watched_logs() as logs:
        form = fields()
        answer = as_owner.post(NEW, form)
        assert canary.leaks({"answer": answer.content}) != []
        as_owner.post(NEW, form)
        as_owner.get(LIST, {"q": made[0].prefix})
        Client().get("/api/v1/secrets", headers={"Authorization": f"Bearer {made[0].text}"})
        as_owner.post(revoke_path(ApiKey.objects.get()))
        Client().get("/api/v1/secrets", headers={"Authorization": f"Bearer {made[0].text}"})
    assert (logs.seen, logs.lines > 0) == ([], True)
    sessions = str(stored_sessions()).encode()
    kept = {**canary.database_surfaces(), "cache": canary.cache_surface(), "sessions": sessions}
    assert canary.leaks(kept) == []
    assert any(made[0].prefix.encode() in content for content in kept.values())
    cache.clear()


# The list


def test_row_tells_what_a_key_may_do(as_owner, owner):
    action = make_action(owner, uses="")
    key = make(owner, integrations=[action.id], max_concurrent=5, max_per_minute=6000)
    page = page_of(as_owner)
    for words in (
        "voice-runtime", key.prefix, "Make calls", "Staging: allowed", "Production: not allowed", "Look up patient",
        "5 at once, 6,000 per minute", "Never", "Active", "Never expires", "Stop…",
    ):  # fmt: skip
        assert words in page, words


def test_row_names_the_secrets_that_a_key_may_send_somewhere_new(as_owner, owner):
    secret = store_secret(owner, "crm.apiKey")
    make(owner, scopes=[Scope.SECRETS_USE], secrets=[secret.id])
    assert "Sends somewhere new: crm.apiKey" in page_of(as_owner)
    ApiKey.objects.update(secrets=[])
    assert "Sends somewhere new: nothing" in page_of(as_owner)


def test_row_names_three_integrations_and_counts_the_others(owner):
    actions = [make_action(owner, f"Action {n}", uses="") for n in range(5)]
    make(owner, integrations=[action.id for action in actions])
    delete_integration(actor=owner, integration_id=actions[0].id)
    named = key_overview.page(owner, "").items[0].integrations
    assert (named.names, named.more, named.deleted) == (["Action 1", "Action 2", "Action 3"], 1, 1)


def test_a_key_whose_integrations_are_gone_says_so(as_owner, owner):
    action = make_action(owner, uses="")
    make(owner, integrations=[action.id])
    delete_integration(actor=owner, integration_id=action.id)
    assert "1 deleted integration" in page_of(as_owner)
    ApiKey.objects.update(integrations=[])
    assert "No integration" in page_of(as_owner)


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [
        (timedelta(days=60), "active", "until"),
        (timedelta(days=9, hours=1), "active", "9 days left"),
        (timedelta(hours=1), "active", "Expires within a day"),
        (timedelta(seconds=-1), "expired", "Expired"),
    ],
)
def test_state_follows_the_clock(as_owner, owner, end, state, words):
    key = make(owner)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() + end)
    assert key_overview.page(owner, "").items[0].state == state
    page = page_of(as_owner)
    assert words in page
    assert ("Stop…" in page) == (state == "active")


def test_revoked_counts_before_expired(owner):
    key = make(owner)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now(), revoked_at=timezone.now())
    assert key_overview.page(owner, "").items[0].state == "revoked"


def test_pages_follow_each_other_newest_first(as_owner, owner):
    made = [make(owner, f"key-{n}") for n in range(5)]
    same = timezone.now()
    ApiKey.objects.filter(pk__in=[key.pk for key in made[:3]]).update(created_at=same)
    seen, cursor = [], ""
    while cursor is not None:
        page = key_overview.page(owner, "", cursor=cursor, limit=2)
        seen += [row.name for row in page.items]
        cursor = page.next_cursor
    assert sorted(seen) == [f"key-{n}" for n in range(5)]
    assert seen == list(ApiKey.objects.order_by("-created_at", "-id").values_list("name", flat=True))


def test_the_next_page_keeps_the_search(as_owner, owner, monkeypatch):
    monkeypatch.setattr(key_overview.page, "__kwdefaults__", {"cursor": "", "limit": 1})
    make(owner, "voice-1"), make(owner, "voice-2"), make(owner, "deploy")
    response = as_owner.get(LIST, {"q": "voice"})
    assert "q=voice&cursor=" in response.context["next_url"]
    assert [row.name for row in as_owner.get(response.context["next_url"]).context["keys"]] == ["voice-1"]


def test_a_page_costs_the_same_whatever_its_length(owner):
    action = make_action(owner, uses="")

    def cost():
        with CaptureQueriesContext(connection) as queries:
            key_overview.page(owner, "")
        return len(queries)

    make(owner, integrations=[action.id])
    one = cost()
    for _ in range(5):
        make(owner, integrations=[action.id])
    assert cost() == one == 3


def test_search_finds_names_and_prefixes(as_owner, owner):
    voice, deploy = make(owner, "voice-runtime"), make(owner, "deploy-bot")
    assert [row.id for row in as_owner.get(LIST, {"q": "VOICE"}).context["keys"]] == [voice.id]
    assert [row.id for row in as_owner.get(LIST, {"q": deploy.prefix}).context["keys"]] == [deploy.id]
    page = page_of(as_owner, LIST + "?q=nothing")
    assert "Nothing matches “nothing”" in page and "Show all keys" in page


def test_a_whole_key_that_is_searched_leaves_the_address(as_owner, owner):
    key, text = create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
    response = as_owner.get(LIST, {"q": text.text})
    assert (response.status_code, response.headers["Location"]) == (303, f"{LIST}?{urlencode({'q': key.prefix})}")
    assert text.text[15:].encode() not in response.content


def test_htmx_gets_the_rows_alone(as_owner, owner):
    make(owner)
    page = as_owner.get(LIST, HTTP_HX_REQUEST="true").content.decode()
    assert "voice-runtime" in page and "<html" not in page


def test_without_keys_the_page_says_what_they_are_for(as_owner):
    assert "No API keys yet" in page_of(as_owner)


def test_names_are_text_and_not_markup(as_owner, owner):
    make(owner, "<b>bold</b>")
    assert "<b>bold" not in page_of(as_owner)
    assert "<b>bold" not in as_owner.post(NEW, fields(name="<b>bold</b>")).content.decode()


# Choosing integrations


def test_choice_keeps_what_is_ticked_and_finds_the_others(as_owner, owner):
    first, second = make_action(owner, "First", uses=""), make_action(owner, "Second", uses="")
    make_action(owner, "Third", uses="")
    sent = {"find": "sec", "integrations": [str(first.id)]}
    page = as_owner.post(CHOICES, sent, HTTP_HX_REQUEST="true").content.decode()
    assert f'value="{first.id}" checked' in page
    assert f'value="{second.id}">' in page
    assert "Third" not in page


def test_choice_offers_so_many_and_says_that_there_are_more(owner, monkeypatch):
    monkeypatch.setattr(key_overview, "CHOICES", 2)
    for number in range(3):
        make_action(owner, f"Action {number}", uses="")
    found = key_overview.choices(owner, "", [])
    assert ([one.name for one in found.others], found.has_more) == (["Action 0", "Action 1"], True)


def test_choice_knows_nothing_of_other_organizations(as_owner, outsider):
    theirs = make_action(outsider, "Foreign", uses="")
    sent = {"find": "", "integrations": [str(theirs.id)]}
    assert "Foreign" not in as_owner.post(CHOICES, sent, HTTP_HX_REQUEST="true").content.decode()


# Revoking


def test_revoking_asks_then_ends_the_key_at_once(as_owner, owner):
    key, text = create_api_key(actor=owner, name="old", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)
    assert "Revoke old?" in page_of(as_owner, revoke_path(key))
    assert actor_of_key(text.text, address=None).id == key.id
    response = as_owner.post(revoke_path(key))
    assert (response.status_code, response.headers["Location"]) == (303, LIST)
    with pytest.raises(Unauthenticated):
        actor_of_key(text.text, address=None)
    assert AuditEvent.objects.filter(event="api_key.revoked", target_id=key.id).count() == 1
    assert "Revoked old" in page_of(as_owner)


def test_revoking_twice_is_recorded_once(as_owner, owner):
    key = make(owner)
    for _ in range(2):
        assert as_owner.post(revoke_path(key)).status_code == 303
    assert "It is already revoked" in page_of(as_owner, revoke_path(key))
    assert AuditEvent.objects.filter(event="api_key.revoked").count() == 1


def test_looking_revokes_and_makes_nothing(as_owner, owner):
    key = make(owner)
    for path in (LIST, NEW, revoke_path(key)):
        as_owner.get(path)
        as_owner.head(path)
    assert list(ApiKey.objects.values_list("pk", "revoked_at")) == [(key.pk, None)]
