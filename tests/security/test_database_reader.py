"""A copy of the database, and nothing else: no value opens, no code or token can be read, no row signs in (T20)."""

import base64
import re
import subprocess
import sys

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client

from accounts.models import ApiKey, Invitation, User
from accounts.people.people import create_person
from secrets_app.models import OrganizationKey, SecretValue
from secrets_app.sealing import crypto
from tests.support.databases.copies import copy_to_sqlite
from tests.support.databases.reading import columns_with, undone
from tests.support.invited import invited
from tests.support.sign_in import add_recovery_codes, add_totp, sign_in
from tests.support.things import VALUE, key_for, store_secret
from tests.support.web.sign_in_forms import EMAIL, PASSWORD, code_in, is_in, password_in

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]  # what the columns hold does not depend on the database
SIX_DIGITS = re.compile(r"\b\d{6}\b")


@pytest.fixture
def mara():
    cache.clear()
    return create_person(email=EMAIL, name="Mara", password=PASSWORD)


def cookie_of(client):
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def code_of_sign_up():
    client = Client()
    fields = {"email": "noor@harbor.example", "name": "Noor", "password1": PASSWORD}
    client.post("/signup/", fields)
    return code_in(mail.outbox[-1])


def code_after(path, fields, client=None):
    (client or Client()).post(path, fields)
    return code_in(mail.outbox[-1])


def code_of_proof(user):
    user.set_unusable_password()
    user.save()
    sign_in(Client(), user, proven=False).post("/proof/", {"send": "1"})
    return SIX_DIGITS.search(mail.outbox[-1].body)[0]


def other_address(user):
    client = sign_in(Client(), user)
    client.post("/account/email/", {"email": "new@harbor.example", "action_add": ""})
    return code_in(mail.outbox[-1])


def test_no_live_code_or_token_can_be_read(mara, owner, settings):
    settings.SIGN_UP = "anybody"
    signed_in = Client()
    password_in(signed_in)
    with_codes = User.objects.get(pk=owner.id)
    add_totp(with_codes)
    live = {
        "the cookie of a session": cookie_of(signed_in),
        "the code that confirms an address": code_of_sign_up(),
        "the code that signs in": code_after("/signin/code/", {"email": EMAIL}),
        "the code for a forgotten password": code_after("/password/", {"email": EMAIL}),
        "the code for another address": other_address(mara),
        "the token of an invitation": invited(owner, "guest@harbor.example")[1],
        "an API key": key_for(owner),
        "the code of a proof": code_of_proof(User.objects.get(pk=mara.pk)),
        **{f"recovery code {number}": code for number, code in enumerate(add_recovery_codes(with_codes))},
    }
    assert len(set(live.values())) == len(live)
    assert {what: columns for what, token in live.items() if (columns := columns_with(token))} == {}


def test_search_reads_what_django_signs():
    """What an earlier version stored would be found."""
    signed = signing.dumps({"login_code": {"code": "ABC-DEF"}, "padding": "x" * 200}, compress=True)
    assert any(b"ABC-DEF" in text for text in undone(signed.encode()))


def test_copied_row_signs_nobody_in(mara):
    password_in(Client())
    rows = {
        *Session.objects.values_list("session_key", flat=True),
        *Session.objects.values_list("session_data", flat=True),
    }
    rows |= set(UserSession.objects.values_list("session_key", flat=True))
    assert len(rows) == 2
    for row in rows:
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = row
        assert not is_in(thief)


def test_stored_digests_are_no_credentials(owner):
    key = ApiKey.objects.get(prefix=key_for(owner)[:15])
    digest = bytes(key.digest)
    for text in (key.prefix, digest.hex(), key.prefix + digest.hex(), key.prefix + base64.b64encode(digest).decode()):
        assert Client().get("/api/v1/secrets", headers={"authorization": f"Bearer {text}"}).status_code == 401
    invited(owner)
    digest = bytes(Invitation.objects.get().digest)
    for text in (digest.hex(), base64.urlsafe_b64encode(digest).decode().rstrip("=")):
        assert Client().get(f"/invitations/{text}/").status_code in {404, 410}


def test_no_value_opens_without_the_master_key(owner):
    store_secret(owner)
    assert columns_with(VALUE) == set()
    wrapped = {bytes(key.wrapped) for key in OrganizationKey.objects.all()}
    values = SecretValue.objects.select_related("secret", "data_key")
    for guess in (bytes(32), *(blob[-32:] for blob in wrapped)):
        for value in values:
            with pytest.raises(crypto.Undecryptable):
                crypto.open_value(guess, bytes(value.sealed), _context(value))


def _context(value):
    return crypto.ValueContext(
        value.secret.organization_id, value.secret_id, value.environment, value.version, value.data_key_id, "any host"
    )


DUMPED = """
import django; django.setup()
from secrets_app.sealing import canaries, keyring
print(len(keyring.lost_keys()), len(canaries.mismatches()))
"""


def test_another_installation_opens_nothing_of_the_dump(tmp_path):
    """The dump restored where somebody else's master key is: the same id does not help."""
    other = base64.b64encode(bytes(range(100, 132))).decode()
    dump = tmp_path / "dump.sqlite3"
    copy_to_sqlite(dump)
    here = {"DATABASE_URL": f"sqlite:///{dump}", "DJANGO_SETTINGS_MODULE": "config.settings"}
    assert _python(here, "-c", DUMPED) == "0 0"
    assert _python(here | {"COFFER_MASTER_KEYS": f"test:env:{other}"}, "-c", DUMPED) == "1 1"


def _python(variables, *command):
    import os

    done = subprocess.run(
        [sys.executable, *command], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
