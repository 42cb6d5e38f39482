"""Status of a secret (docs/concepts.md, "Status"): computed in the query, in this order, with what each environment
lacks.
"""

import pytest

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.models import Organization
from integrations.editing.integrations import IntegrationChanges, update_integration
from secrets_app.editing import secrets
from secrets_app.editing.edits import SecretChanges
from secrets_app.inventory import inventory
from secrets_app.models import OrganizationKey, Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring
from tests.support.things import make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def row_of(secret):
    return inventory.one(Organization.objects.get(pk=secret.organization_id), secret.id)


def unreadable(secret, environment=S):
    SecretValue.objects.filter(secret=secret, environment=environment.value).update(unreadable=True)


def elsewhere(secret):
    """The values are under a master key that is not held here."""
    OrganizationKey.objects.exclude(organization=None).update(master_key_id="another")


def destroyed(secret):
    OrganizationKey.objects.exclude(organization=None).update(state="destroyed", wrapped=None)


NOBODY: dict = {}
# what is stored where, how it is used, what happened since -> status, the environments that lack a value
CASES = {
    "unused, all values": (ALL_ENVIRONMENTS, NOBODY, None, "active", []),
    "unused, no value": ([], NOBODY, None, "active", []),
    "used where it has a value": ([S], {"environments": [S]}, None, "active", []),
    "used where it has none": ([D], {"environments": [S]}, None, "missing", [S]),
    "used in all, value in one": ([S], {"environments": ALL_ENVIRONMENTS}, None, "missing", [D, P]),
    "disabled use needs nothing": ([], {"environments": [S], "enabled": False}, None, "active", []),
    "use in no environment needs nothing": ([], {"environments": []}, None, "active", []),
    "unreadable and needed": ([S], {"environments": [S]}, unreadable, "missing", [S]),
    "unreadable and not referenced": ([S], NOBODY, unreadable, "missing", []),
    "unreadable where it is not needed": ([D, S], {"environments": [D]}, unreadable, "missing", []),
    "key id not held": ([S], {"environments": [S]}, elsewhere, "missing", [S]),
    "key id not held, unused": ([S], NOBODY, elsewhere, "missing", []),
    "data key destroyed": ([S], {"environments": [S]}, destroyed, "missing", [S]),
}


@pytest.mark.parametrize(("stored", "use", "event", "status", "lacking"), CASES.values(), ids=CASES)
def test_status(owner, stored, use, event, status, lacking):
    secret = store_secret(owner, environments=stored)
    if use:
        make_action(owner, **use)
    if event:
        event(secret)
    assert (row_of(secret).status, row_of(secret).lacking) == (status, lacking)


@pytest.mark.parametrize(("stored", "use", "event", "status", "lacking"), CASES.values(), ids=CASES)
def test_disabled_comes_before_everything_else(owner, stored, use, event, status, lacking):
    secret = store_secret(owner, environments=stored)
    if use:
        make_action(owner, **use)
    if event:
        event(secret)
    secrets.set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    assert row_of(secret).status == "disabled"


def test_status_follows_the_switches_of_the_integration(owner):
    secret = store_secret(owner, environments=[D])
    action = make_action(owner, environments=[D])
    found = []
    for changes in ({"environments": [D, S]}, {"enabled": False}, {"enabled": True}, {"environments": [D]}):
        update_integration(actor=owner, integration_id=action.id, changes=IntegrationChanges(**changes))
        found.append(row_of(secret).status)
    assert found == ["missing", "active", "missing", "active"]


def test_reference_counts_where_it_is_written(owner):
    secret = store_secret(owner, environments=[D])
    connector = make_connector(owner, environments=[D])
    make_action(owner, uses="", auth_connector=str(connector.id), environments=[S])
    assert (row_of(secret).status, row_of(secret).usage_count) == ("active", 1)


def test_new_value_ends_missing(owner):
    secret = store_secret(owner, environments=[S])
    unreadable(secret)
    changes = SecretChanges(values={S: Plaintext("second-value")})
    secrets.update_secret(actor=owner, secret_id=secret.id, changes=changes)
    assert (row_of(secret).status, row_of(secret).states["staging"]) == ("active", "set")


def test_each_environment_says_what_it_has(owner):
    secret = store_secret(owner, environments=[S, P])
    unreadable(secret)
    row = row_of(secret)
    assert row.states == {"development": "missing", "staging": "unreadable", "production": "set"}
    assert [row.environments[e].version for e in Environment] == [None, 1, 1]
    assert row.environments[P].updated_by == "Mara Lindqvist"


def test_one_value_for_all_is_known_until_one_is_replaced(owner):
    secret = store_secret(owner, entered_once=True)
    assert row_of(secret).shared
    changes = SecretChanges(values={S: Plaintext("second-value")})
    secrets.update_secret(actor=owner, secret_id=secret.id, changes=changes)
    assert not row_of(secret).shared
    assert not row_of(store_secret(owner, "three.values")).shared


def test_status_of_all_takes_one_query(owner, django_assert_num_queries):
    for number in range(3):
        store_secret(owner, f"secret{number}")
    with django_assert_num_queries(1):
        found = list(
            Secret.objects.of(owner.organization).with_status(keyring.held_ids()).values_list("status", flat=True)
        )
    assert found == ["active"] * 3
