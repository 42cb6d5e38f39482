"""compiled queries: composed once, asked for other rows each time, on both databases."""

from uuid import uuid4

import pytest
from django.db.models import UUIDField
from django.db.models.functions import Length

from accounts.common.environments import Environment
from accounts.common.sql.compiled import Among, CompiledQuery, Given
from accounts.models import ApiKey, Membership, Organization
from accounts.policy import Scope
from secrets_app.models import SecretValue
from tests.support.things import key_for, store_secret

pytestmark = pytest.mark.django_db

S, P = Environment.STAGING, Environment.PRODUCTION


def test_instances_come_with_what_the_queryset_selects(owner, django_assert_num_queries):
    query = CompiledQuery(lambda: Membership.objects.select_related("user", "organization").filter(Among("pk")))
    membership = Membership.objects.get()
    query.ask([(membership.pk,)])
    with django_assert_num_queries(1):
        (found,) = query.ask([(membership.pk,), (uuid4(),)])
        assert (found.user.name, found.organization.slug) == ("Mara Lindqvist", "harbor-clinics")
    assert found.role == membership.role


def test_an_instance_is_the_one_that_django_makes(owner, django_assert_num_queries):
    key_for(owner, Scope.RUN)
    rows = ApiKey.objects.select_related("organization", "parent").annotate(length=Length("name")).defer("digest")
    usual = rows.get()
    (made,) = CompiledQuery(lambda: rows.filter(Among("pk"))).ask([(usual.pk,)])
    for ours, theirs in ((made, usual), (made.organization, usual.organization)):
        states = [instance.__dict__.pop("_state") for instance in (ours, theirs)]
        assert ours.__dict__ == theirs.__dict__
        assert [(state.db, state.adding) for state in states] == [("default", False)] * 2
        ours._state, theirs._state = states
    with django_assert_num_queries(0):
        assert (made.parent, made.length, made == usual) == (None, len(usual.name), True)
    with django_assert_num_queries(1):
        assert len(made.digest) == 32


def test_named_values_are_no_instances(organization):
    query = CompiledQuery(lambda: Organization.objects.values_list("slug", "id").filter(Among("pk")))
    (found,) = query.ask([(organization.pk,)])
    assert isinstance(found, tuple)
    assert found._asdict() == {"slug": organization.slug, "id": organization.pk}


def test_it_is_read_when_it_is_asked(organization):
    query = CompiledQuery(lambda: Organization.objects.filter(Among("slug")))
    assert [row.name for row in query.ask([("harbor-clinics",)])] == ["Harbor Clinics"]
    Organization.objects.update(name="Harbor")
    assert [row.name for row in query.ask([("harbor-clinics",)])] == ["Harbor"]
    assert query.ask([("finch",)]) == []


def test_rows_count_as_a_whole(owner, outsider):
    for actor, name in ((owner, "a"), (owner, "b"), (outsider, "a"), (outsider, "b")):
        store_secret(actor, name)
    query = CompiledQuery(
        lambda: SecretValue.objects.select_related("secret").filter(
            Among("secret__organization", "environment", "secret__name")
        )
    )
    wanted = {(owner.organization.pk, S.value, "a"), (outsider.organization.pk, P.value, "b")}
    found = query.ask(wanted)
    assert {(row.secret.organization_id, row.environment, row.secret.name) for row in found} == wanted
    assert len(found) == 2


@pytest.mark.parametrize("text", ['a "b" \\ {c,d}', "NULL", "", " ", '\\"', "', %s $1", "Łódź\n😀"])
def test_a_text_of_any_kind_finds_itself_alone(organization, text):
    query = CompiledQuery(lambda: Organization.objects.filter(Among("name")))
    assert query.ask([(text,)]) == []
    Organization.objects.update(name=text)
    assert query.ask([(text,), ("other",)]) == [organization]


def test_a_text_that_is_too_long_finds_nothing_by_its_beginning(organization):
    longest = Organization._meta.get_field("slug").max_length
    Organization.objects.update(slug="a" * longest)
    query = CompiledQuery(lambda: Organization.objects.filter(Among("slug")))
    assert len(query.ask([("a" * longest,)])) == 1
    assert query.ask([("a" * (longest + 1),)]) == []


def test_a_value_may_be_given_and_rows_are_counted(owner, outsider, django_assert_num_queries):
    for actor, name in ((owner, "a"), (owner, "b"), (outsider, "a")):
        store_secret(actor, name)
    query = CompiledQuery(
        lambda: SecretValue.objects.filter(secret__organization=Given(UUIDField()), environment=S.value).only("pk")
    )
    for actor, number in ((owner, 2), (outsider, 1)):
        with django_assert_num_queries(2):
            assert query.count((actor.organization.pk,)) == number
            assert len(query.ask_planned([(actor.organization.pk,)])) == number
    assert query.count((uuid4(),)) == 0


def test_no_rows_are_no_question(django_assert_num_queries):
    with django_assert_num_queries(0):
        query = CompiledQuery(lambda: Organization.objects.filter(Among("slug")))
        assert (query.ask([]), query.ask_planned([])) == ([], [])
