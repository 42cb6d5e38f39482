"""Acts at the same moment, on PostgreSQL with real threads: whatever the order, the database stays true.

Each round starts its acts together. An act may be refused; any other exception, a deadlock among them, fails the test.
"""

import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.access.api_keys import create_api_key
from accounts.actors import actor_for_member
from accounts.audit import trail
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import EditConflict, Invalid, NotFound, PermissionDenied, Refusal
from accounts.models import AuditEvent, Membership
from accounts.people.organizations import change_role, create_organization
from accounts.policy import Role, Scope
from integrations.broker import ledger, retention
from integrations.editing import integrations
from integrations.errors import IntegrationInUse
from integrations.models import Integration, Run, SecretReference
from secrets_app.editing import deleting, secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.errors import SecretInUse
from secrets_app.models import OrganizationKey, Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring, resolver
from tests import factories
from tests.support.audit import chain_holds
from tests.support.races import assert_only, count_dangling_references
from tests.support.things import make_action, make_connector, store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

S = Environment.STAGING


def test_delete_a_secret_while_an_integration_begins_to_use_it(owner, together):
    used = 0
    for number in range(60):
        secret = store_secret(owner, f"key{number}", environments=[])
        problems = together(
            lambda secret=secret: deleting.delete_secret(actor=owner, secret_id=secret.id),
            lambda number=number: make_action(owner, f"Action {number}", uses=f"key{number}"),
        )
        assert_only(problems[:1], SecretInUse)
        assert_only(problems[1:])
        assert Secret.objects.filter(pk=secret.pk).exists() == (problems[0] is not None)
        used += problems[0] is not None
    assert count_dangling_references() == 0
    assert SecretReference.objects.exclude(secret=None).count() == used
    assert chain_holds(owner.organization)


def test_create_a_secret_while_an_integration_begins_to_wait_for_it(owner, together):
    for number in range(30):
        assert_only(
            together(
                lambda number=number: store_secret(owner, f"key{number}", environments=[]),
                lambda number=number: make_action(owner, f"Action {number}", uses=f"key{number}"),
            )
        )
    assert SecretReference.objects.filter(secret=None).count() == 0
    assert count_dangling_references() == 0


def test_create_a_secret_while_the_integration_that_waits_is_deleted(owner, together):
    for number in range(20):
        action = make_action(owner, f"Action {number}", uses=f"key{number}")
        assert_only(
            together(
                lambda number=number: store_secret(owner, f"key{number}", environments=[]),
                lambda action=action: integrations.delete_integration(actor=owner, integration_id=action.id),
            )
        )
    assert (Secret.objects.count(), SecretReference.objects.count()) == (20, 0)


def test_delete_a_connector_while_an_action_begins_to_use_it(owner, together):
    for number in range(20):
        connector = make_connector(owner, f"Connector {number}")
        problems = together(
            lambda connector=connector: integrations.delete_integration(actor=owner, integration_id=connector.id),
            lambda number=number, connector=connector: make_action(
                owner, f"Action {number}", uses="", auth_connector=str(connector.id)
            ),
        )
        assert_only(problems[:1], IntegrationInUse)
        assert_only(problems[1:], Invalid)
        assert (problems[0] is None) != (problems[1] is None)
        assert problems[1] is None or problems[1].errors[0].field == "config.auth_connector"


def test_two_owners_demote_each_other(organization, together):
    rows = [factories.MembershipFactory(organization=organization, role=Role.OWNER) for _ in range(2)]
    first, second = (actor_for_member(row) for row in rows)
    for _ in range(20):
        problems = together(
            lambda: change_role(actor=first, membership_id=rows[1].id, role=Role.ADMIN),
            lambda: change_role(actor=second, membership_id=rows[0].id, role=Role.ADMIN),
        )
        assert_only(problems, PermissionDenied)  # whoever came second is no owner any more
        assert Membership.objects.filter(role="owner").count() == 1
        Membership.objects.update(role="owner")
    assert chain_holds(organization)


def test_role_changes_and_new_keys_do_not_lock_each_other_out(owner, organization, together):
    other = factories.MembershipFactory(organization=organization)
    for number in range(20):
        role = Role.ADMIN if number % 2 else Role.MEMBER
        assert_only(
            together(
                lambda role=role: change_role(actor=owner, membership_id=other.id, role=role),
                lambda: create_api_key(actor=owner, name="k", scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS),
                lambda number=number: store_secret(owner, f"key{number}", environments=[]),
            )
        )
    assert chain_holds(organization)


def test_organizations_of_one_name_founded_at_once(together):
    users = factories.UserFactory.create_batch(3)
    for number in range(10):
        assert_only(
            together(*[partial(create_organization, user=user, name=f"Org {number}") for user in users]), Invalid
        )
    assert Membership.objects.count() >= 10


def set_value(actor, secret, text, expected_version=None):
    changes = SecretChanges(values={S: Plaintext(text)})
    secrets.update_secret(actor=actor, secret_id=secret.id, changes=changes, expected_version=expected_version)


def describe(actor, action, text, expected_version):
    changes = integrations.IntegrationChanges(description=text)
    integrations.update_integration(
        actor=actor, integration_id=action.id, changes=changes, expected_version=expected_version
    )


def test_two_first_uses_of_the_data_key(together):
    for _ in range(20):
        actor = actor_for_member(factories.MembershipFactory(role=Role.OWNER))
        held = [store_secret(actor, name, environments=[]) for name in ("one", "two")]
        assert_only(together(*[partial(set_value, actor, secret, "first-value") for secret in held]))
        assert OrganizationKey.objects.filter(organization=actor.organization).count() == 1
        rows = SecretValue.objects.filter(secret__in=held).select_related("secret", "data_key")
        assert [keyring.unseal(row).expose() for row in rows] == ["first-value"] * 2


def test_two_edits_of_the_same_version(owner, together):
    secret, action = store_secret(owner), make_action(owner)
    for version in range(1, 31):
        texts = [f"edit one of {version}", f"edit two of {version}"]
        for act, thing in ((set_value, secret), (describe, action)):
            problems = together(*[partial(act, owner, thing, text, version) for text in texts])
            assert_only(problems, EditConflict)
            assert sum(problem is None for problem in problems) == 1
    assert SecretValue.objects.current().filter(secret=secret, environment="staging").count() == 1


def test_runs_that_share_a_secret_stamp_it_without_queueing(owner, together):
    shared, others = store_secret(owner), [store_secret(owner, f"other{number}") for number in range(8)]
    for secret in (shared, *others):
        make_action(owner, f"Uses {secret.name}", uses=secret.name)
    actions = list(Integration.objects.values_list("pk", flat=True))
    long_ago = timezone.now() - timedelta(hours=1)
    for _ in range(20):
        Secret.objects.update(last_used_at=long_ago)
        SecretReference.objects.update(last_used_at=long_ago)
        assert_only(
            together(
                *[
                    lambda other=other, turn=turn: ledger.stamp_last_used(
                        [shared.id, other.id][:: turn * 2 - 1], actions
                    )
                    for turn, other in enumerate(others[:2] * 4, start=0)
                ]
            )
        )
        assert Secret.objects.get(pk=shared.pk).last_used_at > long_ago


def test_stamp_leaves_a_row_alone_that_somebody_holds(owner, together):
    secret = store_secret(owner)
    held, done = threading.Event(), threading.Event()

    def hold():
        from django.db import transaction

        with transaction.atomic():
            Secret.objects.select_for_update().get(pk=secret.pk)
            held.set()
            assert done.wait(timeout=10)

    def stamp():
        assert held.wait(timeout=10)
        try:
            ledger.stamp_last_used([secret.id], [])
        finally:
            done.set()

    assert_only(together(hold, stamp))
    assert Secret.objects.get().last_used_at is None


def test_row_that_was_left_alone_is_stamped_by_the_next_run(owner, together):
    secret = store_secret(owner)
    held, done = threading.Event(), threading.Event()

    def hold():
        from django.db import transaction

        with transaction.atomic():
            Secret.objects.select_for_update().get(pk=secret.pk)
            held.set()
            assert done.wait(timeout=10)

    def stamp():
        assert held.wait(timeout=10)
        try:
            ledger.stamp_unless_recent([secret.id], [])
        finally:
            done.set()

    assert_only(together(hold, stamp))
    assert Secret.objects.get().last_used_at is None
    ledger.stamp_unless_recent([secret.id], [])
    assert Secret.objects.get().last_used_at is not None


def test_value_found_damaged_while_its_secret_is_deleted(owner, together, monkeypatch):
    secret = store_secret(owner, environments=[S])
    SecretValue.objects.filter(secret=secret).update(sealed=b"CF2")
    found = resolver.find(owner.organization, [secret.name], S)
    marked, record = threading.Event(), trail.record

    def slowly(event, **details):
        if event is trail.Event.SECRET_UNREADABLE:
            marked.set()
            time.sleep(0.3)  # the row is marked, the trail not yet locked: the deletion gets in between
        return record(event, **details)

    def delete():
        assert marked.wait(timeout=10)
        deleting.delete_secret(actor=owner, secret_id=secret.id)

    monkeypatch.setattr(trail, "record", slowly)
    assert_only(together(lambda: resolver.open_values(found, actor=owner), delete), resolver.Unreadable)
    assert not Secret.objects.exists()
    assert chain_holds(owner.organization)


def test_everything_at_once_keeps_the_chain(owner, together):
    secret = store_secret(owner)
    action = make_action(owner)

    def flip(enabled):
        return lambda: secrets.set_enabled(actor=owner, secret_id=secret.id, enabled=enabled)

    def rename(name):
        changes = integrations.IntegrationChanges(name=name)
        return lambda: integrations.update_integration(actor=owner, integration_id=action.id, changes=changes)

    for number in range(25):
        problems = together(
            flip(True),
            flip(False),
            rename(f"A{number}"),
            rename(f"B{number}"),
            lambda number=number: store_secret(owner, f"key{number}"),
            lambda: integrations.delete_integration(actor=owner, integration_id=secret.id),
        )
        assert_only(problems, Refusal)
        assert isinstance(problems[-1], NotFound)
    assert AuditEvent.objects.count() > 75
    assert chain_holds(owner.organization)


def test_copies_made_at_once_get_names_of_their_own(owner, together):
    store_secret(owner)
    for number in range(10):
        source = make_action(owner, f"Action {number}")
        act = partial(integrations.duplicate_integration, actor=owner, integration_id=source.id)
        assert_only(together(act, act, act, partial(make_action, owner, f"Action {number} (copy)")), Invalid)
        names = set(
            Integration.objects.filter(name__startswith=f"Action {number} (copy").values_list("name", flat=True)
        )
        assert len(names) >= 3


def test_copy_and_deletion_at_once_leave_nothing_torn(owner, together):
    for number in range(10):
        secret = store_secret(owner, f"key.{number}")
        source = make_action(owner, f"Action {number}", uses=f"key.{number}")
        problems = together(
            partial(integrations.duplicate_integration, actor=owner, integration_id=source.id),
            partial(integrations.delete_integration, actor=owner, integration_id=source.id),
            partial(deleting.delete_secret, actor=owner, secret_id=secret.id),
        )
        assert_only(problems, NotFound, SecretInUse)
        assert count_dangling_references() == 0


def test_old_runs_are_forgotten_once_by_several_at_once(together, owner, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    action = make_action(owner)
    for _ in range(20):
        ledger.begin_all([ledger.RunStart(actor=owner, integration=action, environment=S, operation="call")])[0]
    Run.objects.update(started_at=timezone.now() - timedelta(days=4000))
    kept = ledger.begin_all([ledger.RunStart(actor=owner, integration=action, environment=S, operation="call")])[0]
    gone = []
    assert_only(together(*[lambda: gone.append(retention.forget_old())] * 8))
    assert sum(gone) == 20
    assert [run.id for run in Run.objects.all()] == [kept.id]
