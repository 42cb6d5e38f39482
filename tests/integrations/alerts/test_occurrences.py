"""What nobody did is noticed where it happens: first uses of keys, refused domains, due rotations, heads."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.models import ApiKey
from accounts.occurrences import Occurrence
from integrations.errors import DomainNotAllowed
from secrets_app.models import Secret, SecretValue
from tests.fixtures.api import Caller
from tests.support.things import key_for, make_action, store_secret

pytestmark = pytest.mark.django_db


def occurred(kind):
    return [one.data for one in Occurrence.objects.filter(type=kind).order_by("created_at")]


@pytest.mark.usefixtures("inline")
def test_first_use_of_a_key_is_told_once(owner):
    caller = Caller(key_for(owner))
    for _ in range(2):
        caller.call("GET", "/secrets")
        ApiKey.objects.update(last_used_at=None)  # as two processes at once would see it
    (data,) = occurred("api_key.first_used")
    assert data["api_key"]["id"] == str(ApiKey.objects.get().pk)


def test_refused_domain_is_told_once_an_hour_for_each_host(owner, run):
    store_secret(owner, allowed_domains=["elsewhere.example.com"])
    actions = [make_action(owner), make_action(owner, "Other")]
    for action in (*actions, *actions):
        with pytest.raises(DomainNotAllowed):
            run(owner, action, Environment.STAGING, "call")
    told = occurred("run.refused_domain")
    assert [data["integration"]["name"] for data in told] == ["Look up patient", "Other"]
    assert (told[0]["host"], told[0]["environment"]) == ("api.example.com", "staging")


def test_housekeeping_tells_of_due_rotations_and_heads_once(owner):
    secret = store_secret(owner, rotate_every_days=30)
    SecretValue.objects.update(created_at=timezone.now() - timedelta(days=31))
    last = datetime.now(UTC).date() + timedelta(days=9)
    Secret.objects.update(expires_on=last)
    for _ in range(2):
        call_command("housekeeping")
    (due,) = occurred("secret.due")
    assert due["secret"] == {"id": str(secret.id), "name": "crm.apiKey"}
    (soon,) = occurred("secret.expiring")
    assert soon["expires_on"] == str(last)
    Secret.objects.update(expires_on=last - timedelta(days=9))
    call_command("housekeeping")
    assert len(occurred("secret.expiring")) == 2
    (head, *_) = occurred("audit.head")
    assert (head["sequence"], len(head["chain"])) == (1, 64)
