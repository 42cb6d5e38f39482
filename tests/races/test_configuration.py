"""Applies of a configuration file that are killed, and two at once: all of a file or nothing, and one is told."""

import os
import signal

import pytest
from django.db import connection

from accounts.models import AuditEvent
from integrations.declared import configuration
from integrations.errors import PlanStale
from integrations.models import AlertEndpoint, Integration
from secrets_app.models import Secret
from tests.support.audit import chain_holds
from tests.support.crashes import child
from tests.support.races import assert_only, count_dangling_references

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = [f"service{number}.key" for number in range(8)]
CONNECTOR = "kind: auth_connector, environments: [staging], config: {{type: bearer, token: '{{secrets.{}}}'}}"
FILE = "\n".join(
    [
        "version: 1",
        "secrets:",
        *(f"  {name}: {{required_in: [staging]}}" for name in NAMES),
        "integrations:",
        *(f"  Of {name}: {{{CONNECTOR.format(name)}}}" for name in NAMES),
        "webhooks:",
        "  Deploys: {address: 'https://hooks.example.com/coffer', events: [secret.rotated]}",
    ]
).encode()
NOTHING = b"version: 1\nsecrets: {}\nintegrations: {}\nwebhooks: {}"


def apply(owner, file=FILE, **more):
    return configuration.apply(owner, file, prune=True, **more)


def counted():
    return Secret.objects.count(), Integration.objects.count(), AlertEndpoint.objects.count()


def killed_at(statement):
    """The act, and then the end of its process at this SQL statement."""

    def die(act):
        seen = []

        def execute(run, sql, params, many, context):
            seen.append(sql)
            if len(seen) == statement:
                os.kill(os.getpid(), signal.SIGKILL)
            return run(sql, params, many, context)

        with connection.execute_wrapper(execute):
            act()

    return die


def test_killed_anywhere_an_apply_leaves_nothing_or_all(owner):
    for statement in (1, 40, 120, 200):
        assert child(lambda at=statement: killed_at(at)(lambda: apply(owner))) == -9
        assert (counted(), AuditEvent.objects.filter(event="secret.created").count()) == ((0, 0, 0), 0)
    assert child(lambda: apply(owner), kill="before") == -9
    assert counted() == (0, 0, 0)
    assert child(lambda: apply(owner), kill="after") == -9
    assert counted() == (8, 8, 1)
    assert apply(owner).changes == []
    assert child(lambda: killed_at(100)(lambda: apply(owner, NOTHING))) == -9
    assert counted() == (8, 8, 1)
    assert apply(owner, NOTHING).changes
    assert (counted(), chain_holds(owner.organization)) == ((0, 0, 0), True)


@pytest.mark.postgres
def test_of_two_applies_of_one_plan_one_is_told(owner, together):
    plan = configuration.make_plan(owner, FILE, prune=True).fingerprint
    problems = together(*[lambda: apply(owner, plan=plan)] * 4)
    assert_only(problems, PlanStale)
    assert (problems.count(None), counted()) == (1, (8, 8, 1))
    assert (count_dangling_references(), chain_holds(owner.organization)) == (0, True)
    assert AuditEvent.objects.filter(event="organization.configured").count() == 1


@pytest.mark.postgres
def test_applies_and_plans_at_once_end_in_the_state_of_one_file(owner, together):
    def plan():
        configuration.make_plan(owner, FILE, prune=True)

    acts = [lambda: apply(owner), lambda: apply(owner, NOTHING), plan]
    assert_only(together(*acts * 2))
    assert counted() in {(8, 8, 1), (0, 0, 0)}
    assert (count_dangling_references(), chain_holds(owner.organization)) == (0, True)
