"""The same code, sent by several browsers at the same moment, on PostgreSQL: one of them gets in."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from accounts.models import SeenSignIn
from accounts.people.people import create_person
from accounts.sign_in.seen_sign_ins import note_sign_in
from secrets_app.models import OrganizationKey
from secrets_app.sealing import seeds
from tests.support.sign_in import add_recovery_codes, add_totp, totp_code

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
BROWSERS = 4


@pytest.fixture
def mara(settings):
    settings.CACHES = {"default": {"BACKEND": "config.caches.JsonDatabaseCache", "LOCATION": "coffer_cache"}}
    call_command("createcachetable", verbosity=0)
    cache.clear()
    return create_person(email="mara@harbor.example", name="Mara", password=PASSWORD)


def half_in(user) -> Client:
    client = Client()
    client.post("/signin/", {"login": user.email, "password": PASSWORD})
    return client


def who_gets_in(together, user, shown):
    """Sign in with the code that is shown once all have entered the password, which takes a while."""
    clients = [half_in(user) for _ in range(BROWSERS)]
    code = shown()
    together(*[lambda client=client: client.post("/signin/second/", {"code": code}) for client in clients])
    return sum(client.get("/account/").status_code == 200 for client in clients)


def test_a_code_of_the_app_lets_one_in(together, mara):
    add_totp(mara)
    assert who_gets_in(together, mara, totp_code) == 1


def test_a_recovery_code_lets_one_in(together, mara):
    add_totp(mara)
    code = add_recovery_codes(mara)[0]
    assert who_gets_in(together, mara, lambda: code) == 1
    assert Authenticator.objects.get(type="recovery_codes").data["used_mask"] == 1


def test_a_place_is_noted_once(together, mara):
    outcomes = together(*[lambda: note_sign_in(mara, address="203.0.113.1", browser="Firefox") for _ in range(8)])
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert SeenSignIn.objects.count() == 1


def test_first_migrations_and_seeds_of_an_installation_make_one_key(together, mara):
    OrganizationKey.objects.all().delete()
    together(*[seeds.ensure_installation_key, lambda: seeds.seal_seed(mara.pk, "seed")] * 4)
    assert OrganizationKey.objects.filter(organization=None, state="active").count() == 1
