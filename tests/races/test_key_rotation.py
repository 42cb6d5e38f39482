"""Both rotations of keys while people edit and programs run: no run fails, edits win, and nothing is lost by a kill.

All acts are threads of one process, which holds the old and the new master key, as every host does during a rotation.
"""

import re
import signal
import threading
from datetime import timedelta
from itertools import cycle

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts.common.environments import Environment
from integrations.broker import broker
from integrations.broker.preparation import Call
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import OrganizationKey, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation
from secrets_app.sealing import canaries, held_keys, keyring, resealing, rewrapping
from secrets_app.sealing.master_keys import parse_master_keys
from tests.peers.upstreams import answering, http
from tests.support.audit import chain_holds
from tests.support.crashes import child
from tests.support.databases.stored_values import stored_values
from tests.support.master_keys import NEW_ENTRY, NEW_FIRST, OLD_FIRST, held
from tests.support.races import assert_only
from tests.support.things import VALUE, make_action, store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

S, P = Environment.STAGING, Environment.PRODUCTION
EDITS = 60


def ignore(rows):
    """Takes progress."""


def wrapped_by():
    return set(OrganizationKey.objects.kept().values_list("master_key_id", flat=True))


class Stand:
    """A secret whose value is a number that grows, and whoever acts on it until the last edit is done."""

    def __init__(self, owner, url, received):
        self.owner, self.received, self.entered, self.over = owner, received, 0, threading.Event()
        self.rounds = {"data keys": 0, "master key": 0, "runs": 0}
        self.secret, self.rotating = store_secret(owner), store_secret(owner, "other.key")
        self.action = make_action(owner, base_url=url)

    def edit(self):
        try:
            for number in range(1, EDITS + 1):
                changes = SecretChanges(values={S: Plaintext(f"the-value-number-{number:04}")})
                update_secret(actor=self.owner, secret_id=self.secret.id, changes=changes)
                self.entered = number
        finally:
            self.over.set()

    def rotate_value(self):
        place, number = {"actor": self.owner, "secret_id": self.rotating.id, "environment": P}, 0
        while not self.over.is_set():
            number += 1
            rotation.stage(**place, value=Plaintext(f"a-staged-value-{number:04}"))
            rotation.promote(**place, approve=lambda staged: [])
            if number % 2:
                rotation.roll_back(**place)

    def run(self):
        while not self.over.is_set():
            before = self.entered
            result = async_to_sync(broker.run)(self.owner, Call(self.action.id, S))
            assert result.outcome == "succeeded", result
            sent = self.received[-1]
            assert sent == VALUE or before <= int(sent[-4:]) <= self.entered + 1
            self.rounds["runs"] += 1

    def rotate_data_keys(self):
        while not self.over.is_set():
            done = resealing.rotate(self.owner.organization, made_before=timezone.now(), progress=ignore)
            assert not done.left
            self.rounds["data keys"] += 1

    def rotate_master_key(self):
        for keys in cycle([parse_master_keys(NEW_FIRST), parse_master_keys(OLD_FIRST)]):
            held_keys.current = keys
            rewrapping.rewrap_all(progress=ignore)
            self.rounds["master key"] += 1
            if self.over.wait(0.02):
                return


def test_no_run_fails_and_edits_win(owner, together):
    received = []

    def respond(request, sending):
        received.extend(re.findall(r"\r\nAuthorization: Bearer ([^\r]*)", request.decode()))
        sending.sendall(http(b"{}"))

    with held(OLD_FIRST), answering(respond) as url:
        canaries.settle()
        stand = Stand(owner, url, received)
        acts = [stand.edit, stand.rotate_value, stand.run, stand.rotate_data_keys, stand.rotate_master_key]
        assert_only(together(*acts))
        assert min(stand.rounds.values()) >= 3, stand.rounds
        held_keys.current = parse_master_keys(NEW_FIRST)
        resealing.rotate(owner.organization, made_before=timezone.now(), progress=ignore)
        rewrapping.rewrap_all(progress=ignore)
    with held(NEW_ENTRY):
        assert stored_values(stand.secret)[S][1] == f"the-value-number-{EDITS:04}"
        assert stored_values(stand.rotating)[P][1].startswith("a-staged-value-")
        assert stored_values(stand.rotating)[S][1] == VALUE
        assert owner.organization.data_keys.kept().count() == 1
        assert wrapped_by() == {"new"}
        assert not SecretValue.objects.filter(unreadable=True).exists()
        assert chain_holds(owner.organization)


def test_old_key_waits_for_an_edit_that_has_read_it(owner, together):
    secret, has_sealed, has_rotated = store_secret(owner, environments=[S]), threading.Event(), threading.Event()

    def edit():
        with transaction.atomic():
            sealed, key = keyring.seal(secret, P, 1, Plaintext("a-late-value"))
            has_sealed.set()
            assert not has_rotated.wait(1)
            SecretValue.objects.create(
                secret=secret, environment=P.value, version=1, sealed=sealed, data_key=key, created_by="late"
            )

    def rotate():
        assert has_sealed.wait(10)
        resealing.rotate(owner.organization, made_before=timezone.now(), progress=ignore)
        has_rotated.set()

    assert_only(together(edit, rotate))
    assert stored_values(secret) == {S: (1, VALUE), P: (1, "a-late-value")}
    assert owner.organization.data_keys.kept().get().state == "active"


@pytest.mark.parametrize("death", ["before", "after"])
def test_nothing_is_lost_by_a_kill_around_any_commit(owner, outsider, monkeypatch, death):
    monkeypatch.setattr(resealing, "BATCH", 2)
    secrets = [store_secret(owner), store_secret(outsider)]
    OrganizationKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    with held(NEW_FIRST):
        canaries.settle()
        for command in ["rotate_master_key", "rotate_data_keys"]:
            killed = 0
            while (ended := child(lambda command=command: call_command(command), kill=death, at=killed + 1)) != 0:
                killed += 1
                assert (ended, killed < 20) == (-signal.SIGKILL, True)
                assert [stored_values(secret)[S][1] for secret in secrets] == [VALUE, VALUE]
            assert killed >= 2
    with held(NEW_ENTRY):
        assert [stored_values(secret)[S][1] for secret in secrets] == [VALUE, VALUE]
        assert all(chain_holds(actor.organization) for actor in (owner, outsider))
        assert wrapped_by() == {"new"}
        for actor in (owner, outsider):
            assert actor.organization.data_keys.kept().get().state == "active"
