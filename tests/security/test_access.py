"""Who may use which route: one table that names every route of the product, tried as each kind of caller.

A route that is not in the table fails the suite. To add one, write its line: the method, the pattern, and what each
caller gets with an empty form or body. 404 is for those to whom the thing does not exist, 403 for colleagues whose role
may not, 302 leads to the sign-in page (or away from it), 401 is the API without a key, 405 a method that the route does
not have.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from accounts.access.checks import operations, routes
from accounts.actors import actor_for_member
from accounts.models import User
from accounts.policy import Role
from tests import factories
from tests.support.sign_in import sign_in
from tests.support.things import key_for
from tests.support.web.access_table import CALLERS, SECRETS, TABLE, WITH_ID, address, answer, ids_of

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db, pytest.mark.usefixtures("inline")]


def product_routes() -> Iterator[tuple[str, str]]:
    """Method and pattern of every route outside the Django admin; a page's method is GET: each answers it somehow."""
    for pattern, view, staff in routes():
        if not staff:
            methods = {method for operation in operations(view) for method in operation.methods} or {"GET"}
            yield from ((method, pattern) for method in methods)


def staff_routes() -> list[str]:
    """Patterns of the Django admin that name a page of their own; the last one catches what no other matches."""
    return [pattern for pattern, _, staff in routes() if staff and "?P" not in pattern]


@pytest.fixture(scope="module")
def inhabited(django_db_setup, django_db_blocker):
    """People, their browsers and something for each part of a pattern to name: made once, since no test leaves a trace
    in the database."""
    with django_db_blocker.unblock(), transaction.atomic():
        ours = factories.OrganizationFactory(slug="harbor-clinics")
        people = {
            role: actor_for_member(factories.MembershipFactory(organization=ours, role=role))
            for role in (Role.OWNER, Role.ADMIN, Role.MEMBER)
        }
        people["outsider"] = actor_for_member(factories.MembershipFactory(role=Role.OWNER))
        cookies = {name: sign_in(Client(), actor).cookies for name, actor in people.items()}
        foreign = ids_of(people["outsider"])
        yield people, cookies, key_for(people["owner"]), ids_of(people["owner"]), foreign
        transaction.set_rollback(True)


@pytest.fixture
def owner(inhabited):
    return inhabited[0]["owner"]


@pytest.fixture
def member(inhabited):
    return inhabited[0]["member"]


@pytest.fixture
def outsider(inhabited):
    return inhabited[0]["outsider"]


@pytest.fixture
def world(inhabited):
    """A fresh caller of each kind by name, and the ids."""
    _, cookies, key, ids, _ = inhabited
    cache.clear()
    clients = {name: Client(raise_request_exception=False) for name in CALLERS}
    for name, kept in cookies.items():
        clients[name].cookies = deepcopy(kept)
    clients["key"].defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return clients, ids


def test_table_names_every_route():
    assert set(product_routes()) - set(TABLE) == set()
    patterns = {pattern for _, pattern in product_routes()}
    assert {pattern for _, pattern in TABLE} - patterns == set()


@pytest.mark.parametrize("row", TABLE, ids=" ".join)
def test_each_caller_gets_what_the_table_says(world, row):
    clients, ids = world
    method, pattern = row
    found = tuple(answer(clients[name], method, address(pattern, ids)).status_code for name in CALLERS)
    assert found == TABLE[row]


def without_tokens(response):
    """The answer without what is different in each page on purpose."""
    return re.sub(rb'(csrfmiddlewaretoken" value="|X-CSRFToken&quot;: &quot;)\w+', b"", response.content)


@pytest.mark.parametrize("row", WITH_ID, ids=" ".join)
def test_foreign_id_is_answered_like_one_that_nobody_has(world, inhabited, row):
    clients, ids = world
    method, pattern = row
    foreign = {**inhabited[-1], "slug": ids["slug"]}
    unknown = foreign | {part: uuid4() for part in foreign if part.endswith("_id")}
    first, second = (answer(clients["owner"], method, address(pattern, some)) for some in (foreign, unknown))
    assert (first.status_code, second.status_code) == (404, 404)
    assert without_tokens(first) == without_tokens(second)


def test_organization_that_is_not_theirs_is_answered_like_one_that_nobody_has(world, outsider):
    clients, ids = world
    for pattern in {pattern for _, pattern in TABLE if "<slug:slug>" in pattern}:
        unknown = answer(clients["outsider"], "GET", address(pattern, {**ids, "slug": "nowhere"}))
        theirs = answer(clients["outsider"], "GET", address(pattern, ids))
        assert theirs.status_code == unknown.status_code
        assert without_tokens(theirs) == without_tokens(unknown)


@pytest.mark.parametrize("pattern", staff_routes())
def test_nobody_but_staff_gets_into_the_django_admin(world, pattern):
    clients, ids = world
    for name in CALLERS:
        assert answer(clients[name], "GET", address(pattern, ids)).status_code in {302, 403}


def test_superuser_of_the_product_is_nobody_in_an_organization(world):
    _, ids = world
    client = Client()
    sign_in(client, factories.UserFactory(staff=True))
    for pattern in {
        pattern for method, pattern in TABLE if pattern.startswith("o/") and TABLE[method, pattern][0] == 200
    }:
        assert answer(client, "GET", address(pattern, ids)).status_code in {404, 405}


def test_person_who_was_switched_off_is_out_at_once(world, owner):
    clients, ids = world
    User.objects.filter(pk=owner.id).update(is_active=False)
    assert answer(clients["owner"], "GET", address(SECRETS, ids)).status_code == 302


def test_member_who_was_removed_is_out_at_once(world, member):
    clients, ids = world
    User.objects.get(pk=member.id).memberships.all().delete()
    assert answer(clients["member"], "GET", address(SECRETS, ids)).status_code == 404
