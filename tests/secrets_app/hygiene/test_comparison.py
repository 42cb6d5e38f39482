"""Comparison of values: what it finds, who may, how often; nothing by which a value could be found again stays."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.common.environments import Environment
from accounts.errors import PermissionDenied, RateLimited
from accounts.models import AuditEvent
from secrets_app.hygiene import comparison
from secrets_app.hygiene.comparison import compare_values
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing.fingerprints import Fingerprinter
from tests.support.canary import (
    VALUES,
    cache_surface,
    database_surfaces,
    leaks,
    watched_logs,
)
from tests.support.things import actor_for_staging_key, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def told(groups):
    return [[(place.name, place.environments) for place in group.places] for group in groups]


def compared(actor):
    cache.clear()
    return compare_values(actor=actor)


def test_same_and_short_values_are_found_by_name_and_environment(owner, outsider):
    store_secret(owner, "a.key", "value-that-is-shared", [S])
    store_secret(owner, "b.key", "value-that-is-shared", [D, P])
    store_secret(owner, "c.key", "value-in-two-places", [D, S])
    store_secret(owner, "d.key", "value-that-is-alone", [P])
    store_secret(owner, "e.key", "short", [P], allow_short=True)
    store_secret(outsider, "d.key", "value-that-is-alone", [P])
    found = compared(owner)
    assert told(found.several_secrets) == [[("a.key", [S]), ("b.key", [D, P])]]
    assert told(found.several_environments) == [[("c.key", [D, S])]]
    assert [(place.name, place.environments) for place in found.short] == [("e.key", [P])]
    assert [group.is_live_elsewhere for group in found.several_secrets + found.several_environments] == [True, False]
    assert (found.compared, found.unopened, found.is_partial) == (7, 0, False)


def test_values_that_differ_in_one_character_are_not_the_same(owner):
    for number, text in enumerate(["value-of-it", "value-of-it ", "Value-of-it", "value-of-it\u200b"]):
        store_secret(owner, f"key{number}", text, [D])
    assert compared(owner).groups == 0


def test_value_that_was_replaced_does_not_count(owner):
    secret = store_secret(owner, "a.key", "value-that-is-shared", [S])
    store_secret(owner, "b.key", "value-that-is-shared", [S])
    SecretValue.objects.filter(secret=secret).update(state="destroyed", sealed=None)
    assert (compared(owner).groups, compared(owner).compared) == (0, 1)


def test_value_that_does_not_open_is_counted_and_marked(owner):
    store_secret(owner, "a.key", "value-that-is-shared", [S, P])
    SecretValue.objects.filter(environment="staging").update(sealed=b"CF2")
    assert (compared(owner).compared, compared(owner).unopened) == (1, 1)
    assert SecretValue.objects.get(environment="staging").unreadable
    assert AuditEvent.objects.filter(event="secret.unreadable").count() == 1


def test_value_of_a_lost_key_is_counted_and_left_alone(owner):
    store_secret(owner, "a.key", environments=[S])
    owner.organization.data_keys.update(master_key_id="lost")
    assert (compared(owner).compared, compared(owner).unopened) == (0, 1)
    assert not SecretValue.objects.get().unreadable


def test_only_so_many_are_opened(owner, monkeypatch):
    monkeypatch.setattr(comparison, "COMPARED_AT_MOST", 2)
    store_secret(owner)
    assert (compared(owner).compared, compared(owner).is_partial) == (2, True)


def test_comparison_is_recorded_before_a_value_is_opened(owner, monkeypatch):
    store_secret(owner)
    monkeypatch.setattr("secrets_app.sealing.keyring.unseal", None)
    with pytest.raises(TypeError):
        compared(owner)
    event = AuditEvent.objects.get(event="organization.values_compared")
    assert (event.actor_label, event.target_label) == ("Mara Lindqvist", "Harbor Clinics")
    assert event.data == {}


def test_second_comparison_of_the_organization_has_to_wait(owner, admin, outsider):
    compared(owner)
    with pytest.raises(RateLimited):
        compare_values(actor=admin)
    compare_values(actor=outsider)
    assert AuditEvent.objects.filter(event="organization.values_compared").count() == 2


def test_member_and_bounded_key_may_not(owner, member):
    cache.clear()
    for actor in (member, actor_for_staging_key(owner)):
        with pytest.raises(PermissionDenied):
            compare_values(actor=actor)
    assert not AuditEvent.objects.filter(event="organization.values_compared").exists()


def test_number_of_queries_does_not_grow_with_the_values(owner):
    def queries():
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            compare_values(actor=owner)
        return len([query for query in captured.captured_queries if "FETCH" not in query["sql"]])

    store_secret(owner, "first.key")
    few = queries()
    for number in range(20):
        store_secret(owner, f"key{number}")
    assert queries() == few


def test_mark_says_nothing_outside_its_comparison():
    value = Plaintext("value-of-it")
    first, second = Fingerprinter(), Fingerprinter()
    assert first.fingerprint(value) == first.fingerprint(Plaintext("value-of-it"))
    assert first.fingerprint(value) != second.fingerprint(value)
    assert first.fingerprint(value) != first.fingerprint(Plaintext("value-of-that"))


@pytest.mark.django_db(transaction=True)
def test_comparison_leaves_no_value_and_no_mark(owner, monkeypatch):
    for environment, text in VALUES.items():
        store_secret(owner, f"{environment}.a", text, [environment])
        store_secret(owner, f"{environment}.b", text, [environment])
    marks, of = [], Fingerprinter.fingerprint
    monkeypatch.setattr(Fingerprinter, "fingerprint", lambda self, value: marks.append(of(self, value)) or marks[-1])
    with watched_logs() as logs:
        assert compared(owner).groups == 3
    surfaces = database_surfaces() | {"cache": cache_surface()}
    assert leaks(surfaces) == []
    assert len(marks) == 6
    everything = b"\n".join(surfaces.values())
    assert [mark for mark in marks if mark in everything or mark.hex().encode() in everything] == []
    assert logs.seen == []
