"""Imports at the same moment as each other and as other acts, on PostgreSQL with real threads."""

from functools import partial

import pytest

from accounts.common.environments import Environment
from accounts.errors import EditConflict, Invalid
from accounts.models import AuditEvent
from secrets_app.editing import deleting, secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.importing.apply import apply_import, check_import
from secrets_app.importing.plan import LineAction
from secrets_app.models import Secret, SecretValue
from secrets_app.plaintext import Plaintext
from tests.support.audit import chain_holds
from tests.support.races import assert_only, count_dangling_references
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

S = Environment.STAGING


def text_of(names, value):
    return Plaintext("".join(f"{name}={value}\n" for name in names))


def test_two_imports_of_the_same_new_names(owner, together):
    for number in range(20):
        names = [f"KEY_{number}_{n}" for n in range(30)]
        problems = together(
            partial(apply_import, actor=owner, environment=S, text=text_of(names, "value-of-one")),
            partial(apply_import, actor=owner, environment=S, text=text_of(reversed(names), "value-of-two")),
        )
        assert_only(problems)
    assert Secret.objects.count() == 600
    assert SecretValue.objects.current().count() == 600
    assert set(SecretValue.objects.current().values_list("version", flat=True)) == {2}
    assert AuditEvent.objects.filter(event="secret.created").count() == 600
    assert AuditEvent.objects.filter(event="secret.changed").count() == 600
    assert chain_holds(owner.organization)


def test_two_imports_held_to_what_they_saw(owner, together):
    for number in range(20):
        text = text_of([f"KEY_{number}_{n}" for n in range(10)], "value-of-it-1")
        token = check_import(actor=owner, environment=S, text=text).token
        act = partial(apply_import, actor=owner, environment=S, text=text, expected=token)
        problems = together(act, act)
        assert_only(problems, EditConflict)
        assert sum(problem is None for problem in problems) == 1


def test_import_beside_edits_new_secrets_deletions_and_integrations(owner, together):
    for number in range(20):
        names = [f"KEY_{number}_{letter}" for letter in "dcba"]
        first, second = (store_secret(owner, name, environments=[S]) for name in names[:2])
        problems = together(
            partial(apply_import, actor=owner, environment=S, text=text_of(names, "value-imported")),
            partial(
                secrets.update_secret,
                actor=owner,
                secret_id=first.id,
                changes=SecretChanges(name=f"RENAMED_{number}", values={S: Plaintext("value-edited")}),
            ),
            partial(deleting.delete_secret, actor=owner, secret_id=second.id),
            partial(store_secret, owner, names[2], environments=[S]),
            partial(make_action, owner, f"Action {number}", uses=names[3]),
        )
        assert_only(problems[:3])
        assert_only(problems[3:4], Invalid)
        assert_only(problems[4:])
    assert count_dangling_references() == 0
    assert chain_holds(owner.organization)


def test_import_and_a_name_that_an_integration_begins_to_wait_for(owner, together):
    for number in range(15):
        assert_only(
            together(
                partial(apply_import, actor=owner, environment=S, text=text_of([f"KEY_{number}"], "value-of-it")),
                partial(make_action, owner, f"Action {number}", uses=f"KEY_{number}"),
            )
        )
    assert count_dangling_references() == 0


def test_reports_of_imports_at_once_add_up(owner, together):
    done = []

    def act(text):
        done.append(apply_import(actor=owner, environment=S, text=text))

    names = [f"KEY_{n}" for n in range(50)]
    assert_only(together(*[partial(act, text_of(names, f"value-number-{n}")) for n in range(4)]))
    assert sum(len(report.of(LineAction.CREATED)) for report in done) == 50
    assert sum(len(report.of(LineAction.REPLACED)) for report in done) == 150
