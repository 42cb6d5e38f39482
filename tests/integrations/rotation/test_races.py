"""Acts of rotation at the same moment, and a process that dies within an act."""

import os
import signal
from functools import partial

import pytest
from django.db import connection

from accounts.common.environments import Environment
from accounts.errors import NotFound, Refusal
from secrets_app.editing.deleting import delete_secret
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.errors import NothingStaged, RollbackExpired
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import previous_values
from tests.support.crashes import forked
from tests.support.integrations.rotation import NEW, discard, expire, kept, promote, roll_back, stage
from tests.support.races import assert_only
from tests.support.things import store_secret

S = Environment.STAGING


ACTS = {
    "stage": (lambda owner, secret: stage(owner, secret, "third-key-of-all"), ()),
    "promote": (lambda owner, secret: promote(owner, secret, accept=True), ("stage",)),
    "roll back": (roll_back, ("stage", "promote")),
    "destroy": (
        lambda owner, secret: previous_values.destroy_expired(command="housekeeping"),
        ("stage", "promote", "expire"),
    ),
    "discard": (discard, ("stage",)),
}
STEPS = {
    "stage": stage,
    "promote": lambda owner, secret: promote(owner, secret, accept=True),
    "expire": lambda owner, secret: expire(),
}


def killed_at(number, act):
    """Run the act in a process that ends without a word at its statement of this number; whether it was killed."""
    left = iter(range(number))

    def count(execute, sql, params, many, context):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    def counted():
        with connection.execute_wrapper(count):
            act()

    code = forked(counted)
    assert code in {0, -signal.SIGKILL}
    return code == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ACTS)
def test_process_that_dies_at_any_statement_leaves_a_current_value(owner, secret, name):
    act, before = ACTS[name]
    for step in before:
        STEPS[step](owner, secret)
    untouched, number = kept(secret), 0
    while killed_at(number, lambda: act(owner, secret)):
        assert kept(secret) == untouched
        number += 1
    assert number > 5
    assert "current" in kept(secret) and kept(secret) != untouched


def delete(owner, secret):
    delete_secret(actor=owner, secret_id=secret.id)


def rounds(together, owner, secret, first, second, *allowed):
    problems = together(lambda: first(owner, secret), lambda: second(owner, secret))
    assert_only(problems, *allowed)
    assert SecretValue.objects.current().filter(secret=secret, environment="staging").count() == 1
    assert "current" in kept(secret)
    return problems


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_promotes(self, owner, secret, together):
        for _ in range(20):
            stage(owner, secret)
            problems = rounds(together, owner, secret, STEPS["promote"], STEPS["promote"], NothingStaged)
            assert sum(problem is None for problem in problems) == 1

    def test_promote_and_stage(self, owner, secret, together):
        for _ in range(20):
            stage(owner, secret)
            rounds(together, owner, secret, STEPS["promote"], stage, Refusal)

    def test_promote_and_change_of_domains(self, owner, secret, together):
        """Whatever the order, no value that was entered before ends up with the new domains."""

        def move(number):
            entered = dict.fromkeys(Environment, Plaintext(f"entered-{number}"))
            changes = SecretChanges(allowed_domains=[f"host{number}.example.com"], values=entered)
            return lambda owner, secret: update_secret(actor=owner, secret_id=secret.id, changes=changes)

        for number in range(15):
            stage(owner, secret)
            rounds(together, owner, secret, STEPS["promote"], move(number), NothingStaged)
            assert kept(secret) == {"current": f"entered-{number}"}

    def test_promote_and_replace(self, owner, secret, together):
        def replace(owner, secret):
            changes = SecretChanges(values={S: Plaintext("replaced-at-once")})
            update_secret(actor=owner, secret_id=secret.id, changes=changes)

        for _ in range(15):
            stage(owner, secret)
            rounds(together, owner, secret, STEPS["promote"], replace)
            assert kept(secret) in (
                {"current": "replaced-at-once"},
                {"current": NEW, "previous": "replaced-at-once"},
            )

    def test_promote_and_delete(self, owner, together):
        for _ in range(15):
            secret = store_secret(owner)
            stage(owner, secret)
            assert_only(together(partial(STEPS["promote"], owner, secret), partial(delete, owner, secret)), NotFound)
            assert not SecretValue.objects.filter(secret_id=secret.id).exists()

    def test_roll_back_and_housekeeping(self, owner, secret, together):
        for number in range(20):
            stage(owner, secret, f"value-number-{number}")
            promote(owner, secret, accept=True)
            if number % 2:
                expire()
            rounds(together, owner, secret, roll_back, ACTS["destroy"][0], RollbackExpired)
