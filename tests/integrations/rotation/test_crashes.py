"""Processes that are killed in the middle of a rotation: the current value always runs, nothing is lost, and whoever
comes next finishes the work.

A real child process runs the service on the same database and kills itself (SIGKILL) right before or right after a
commit. After every death a call goes through the broker to a real upstream, which says what it was sent.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.common import database
from accounts.common.environments import Environment
from accounts.models import AuditEvent
from integrations.broker import broker, mask_sets
from integrations.broker.preparation import Call
from integrations.models import RotationCheck
from integrations.rotation import rotation
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import previous_values
from secrets_app.rotation import rotation as values
from secrets_app.sealing import keyring
from tests.peers.upstreams import answering, http
from tests.support.audit import chain_holds
from tests.support.crashes import REFUSED, child
from tests.support.races import assert_only
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db(transaction=True)

S = Environment.STAGING
NEW, THIRD = "the-new-key-of-staging", "the-third-key-of-staging"
CHECK = {"check": {"method": "GET", "path": "/me"}}


@pytest.fixture
def sent():
    """The values that a real upstream was sent, in order, and its address."""
    received: list[str] = []

    def respond(request, sending):
        received.extend(re.findall(r"\r\nAuthorization: Bearer ([^\r]*)", request.decode()))
        sending.sendall(http(b"{}"))

    with answering(respond) as url:
        yield received, url


@pytest.fixture
def stand(owner, sent):
    return Stand(owner, *sent)


class Stand:
    """A secret, an action that sends it, and the acts of a rotation."""

    def __init__(self, owner, received, url):
        self.owner, self.received = owner, received
        self.secret = store_secret(owner)
        self.action = make_action(owner, base_url=url, **CHECK)
        self.place = {"actor": owner, "secret_id": self.secret.id, "environment": S}

    def stage(self, text=NEW):
        values.stage(**self.place, value=Plaintext(text))

    def stage_third(self):
        self.stage(THIRD)

    def promote(self):
        rotation.promote(**self.place, accept_failures=True)

    def roll_back(self):
        values.roll_back(**self.place)

    def discard(self):
        values.discard(**self.place)

    def finish(self):
        values.destroy_previous(**self.place)

    def replace(self):
        update_secret(
            actor=self.owner, secret_id=self.secret.id, changes=SecretChanges(values={S: Plaintext("replaced-at-once")})
        )

    def housekeeping(self):
        previous_values.destroy_expired(command="housekeeping")

    def kept(self):
        """State -> value of everything that is still sealed in Staging."""
        rows = SecretValue.objects.filter(secret=self.secret, environment="staging", sealed__isnull=False)
        return {row.state: keyring.unseal(row).expose() for row in rows.select_related("secret", "data_key")}

    def call(self):
        """What the upstream is sent by a call through the broker."""
        async_to_sync(broker.run)(self.owner, Call(self.action.id, S))
        return self.received[-1]


def expire():
    SecretValue.objects.filter(state="previous").update(rollback_until=timezone.now() - timedelta(seconds=1))


# Each act, and what is kept once it is done.
STORIES = {
    "stage, promote, destroy": [
        ("stage", {"current": VALUE, "staged": NEW}),
        ("promote", {"current": NEW, "previous": VALUE}),
        ("expire", {"current": NEW, "previous": VALUE}),
        ("housekeeping", {"current": NEW}),
    ],
    "stage, promote, roll back": [
        ("stage", {"current": VALUE, "staged": NEW}),
        ("promote", {"current": NEW, "previous": VALUE}),
        ("roll_back", {"current": VALUE}),
    ],
    "destroy while another is staged": [
        ("stage", {"current": VALUE, "staged": NEW}),
        ("promote", {"current": NEW, "previous": VALUE}),
        ("stage_third", {"current": NEW, "previous": VALUE, "staged": THIRD}),
        ("finish", {"current": NEW, "staged": THIRD}),
    ],
    "stage again, discard, replace": [
        ("stage", {"current": VALUE, "staged": NEW}),
        ("stage_third", {"current": VALUE, "staged": THIRD}),
        ("discard", {"current": VALUE}),
        ("replace", {"current": "replaced-at-once"}),
    ],
}


DEATHS = [("before", "before"), ("before", "after"), ("after", "before"), ("after", "after")]
"""In turn for the acts of a story: each act dies before and after its commit, after either end of the act before it."""


@pytest.mark.postgres
@pytest.mark.parametrize("story", STORIES)
def test_killed_around_each_commit(stand, story):
    for deaths in DEATHS:
        SecretValue.objects.exclude(state="destroyed").update(state="destroyed", sealed=None)
        update_secret(actor=stand.owner, secret_id=stand.secret.id, changes=SecretChanges(values={S: Plaintext(VALUE)}))
        tell(stand, STORIES[story], cycle(deaths))
    assert chain_holds(stand.owner.organization)


@pytest.mark.sqlite
def test_killed_around_each_commit_on_sqlite(stand):
    tell(stand, STORIES["stage, promote, destroy"], cycle(("before", "after")))
    assert chain_holds(stand.owner.organization)


def tell(stand, story, deaths):
    before = {"current": VALUE}
    for name, after in story:
        if name == "expire":
            expire()
            continue
        act, death = getattr(stand, name), next(deaths)
        assert child(act, kill=death) == -signal.SIGKILL
        expected = before if death == "before" else after
        assert stand.kept() == expected
        assert stand.call() == expected["current"]
        if death == "before":
            assert child(act) == 0  # the second start
        elif name not in {"stage", "stage_third", "replace"}:
            assert child(act) in {0, REFUSED}  # somebody who does not know that it was done
        assert stand.kept() == after
        assert stand.call() == after["current"]
        before = after


def test_audit_trail_tells_what_happened_and_nothing_that_did_not(stand):
    stand.stage()
    before = AuditEvent.objects.count()
    child(stand.promote, kill="before")
    assert AuditEvent.objects.count() == before
    child(stand.promote, kill="after")
    assert [event.event for event in AuditEvent.objects.order_by("sequence")[before:]] == ["secret.promoted"]
    assert chain_holds(stand.owner.organization)


def test_check_that_dies_leaves_the_value_staged_and_is_made_again(stand):
    stand.stage()

    async def at_once(job, *args, **kwargs):
        return job(*args, **kwargs)

    def check():
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        database.begin = lambda job: asyncio.ensure_future(at_once(job))
        database._with_connection = lambda job, *args: job(*args)
        for module in (database, rotation, broker, mask_sets):
            module.in_database = at_once
        async_to_sync(rotation.check)(stand.owner, stand.secret.id, S)

    for number in range(1, 20):
        if child(check, kill="before", at=number) == 0:
            break
        assert stand.kept() == {"current": VALUE, "staged": NEW}
        assert stand.call() == VALUE
    assert number > 1
    assert RotationCheck.objects.get().outcome == "passed"
    child(lambda: rotation.promote(**stand.place, accept_failures=False), kill="after")
    assert stand.call() == NEW


def expired_values(owner, count):
    """Secrets with a previous value whose window is over."""
    for number in range(count):
        secret = store_secret(owner, f"key{number}", environments=[S])
        place = {"actor": owner, "secret_id": secret.id, "environment": S}
        values.stage(**place, value=Plaintext(NEW))
        rotation.promote(**place, accept_failures=True)
    expire()


def another_process(*command):
    """A fresh start of the product on the test database."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}"
    else:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    done = subprocess.run(
        [sys.executable, Path(settings.BASE_DIR) / "manage.py", *command],
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("death", "done"), [("before", 1), ("after", 2)])
def test_second_start_of_housekeeping_finishes_what_the_first_began(stand, death, done):
    expired_values(stand.owner, 4)
    assert child(stand.housekeeping, kill=death, at=2) == -signal.SIGKILL
    assert SecretValue.objects.filter(state="previous").count() == 4 - done
    assert f"Destroyed previous values: {4 - done}." in another_process("housekeeping")
    assert previous_values.destroy_expired(command="housekeeping") == 0
    assert not SecretValue.objects.filter(state="previous").exists()
    assert not SecretValue.objects.filter(state="destroyed").exclude(sealed=None).exists()
    assert AuditEvent.objects.filter(event="secret.previous_destroyed").count() == 4
    assert SecretValue.objects.current().count() == 4 + 3
    assert chain_holds(stand.owner.organization)


@pytest.mark.postgres
def test_housekeeping_in_parallel_destroys_each_value_once(stand, together):
    expired_values(stand.owner, 20)
    stand.stage()
    async_to_sync(rotation.check)(stand.owner, stand.secret.id, S)
    stand.promote()
    counted = []

    def keep_house():
        counted.append(previous_values.destroy_expired(command="housekeeping"))
        rotation.forget_old()

    assert_only(together(*[keep_house] * 8))
    assert sum(counted) == 20
    assert AuditEvent.objects.filter(event="secret.previous_destroyed").count() == 20
    assert (stand.kept(), RotationCheck.objects.count()) == ({"current": NEW, "previous": VALUE}, 0)
    assert stand.call() == NEW
    assert chain_holds(stand.owner.organization)


@pytest.mark.postgres
def test_calls_during_promotions_and_roll_backs_send_one_value_or_the_other(stand, together):
    def call():
        for _ in range(3):
            stand.call()

    for _ in range(10):
        stand.stage()
        assert_only(together(stand.promote, call, call))
        assert_only(together(stand.roll_back, call, call))
    assert set(stand.received) == {VALUE, NEW}
    assert stand.call() == VALUE
