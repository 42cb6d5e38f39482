"""Requests for secrets at the same moment, on PostgreSQL with real threads."""

from functools import partial

import pytest

from accounts.common.environments import Environment
from accounts.errors import Invalid
from secrets_app.errors import RequestAnswered, TooManyRequests
from secrets_app.models import Secret, SecretRequest
from secrets_app.requests.answering import OPEN_AT_MOST, ask, dismiss
from tests.support.audit import chain_holds
from tests.support.races import assert_only
from tests.support.things import store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def asking(actor, name):
    return partial(ask, actor=actor, name=name, environments=[Environment.STAGING], why="Eligibility checks")


def test_one_name_is_asked_for_once(together, owner, member):
    for number in range(10):
        problems = together(*[asking(actor, f"key.number{number}") for actor in (owner, member)])
        assert_only(problems, Invalid)
        assert SecretRequest.objects.filter(name=f"key.number{number}", state="open").count() == 1
    assert chain_holds(owner.organization)


def test_request_and_the_secret_itself_at_once(together, owner, member):
    for number in range(10):
        name = f"key.number{number}"
        assert_only(together(asking(member, name), partial(store_secret, owner, name)), Invalid)
        assert Secret.objects.filter(name=name).exists()
        assert not SecretRequest.objects.filter(name=name, state="open").exists()


def test_dismissal_and_the_secret_itself_at_once(together, owner, admin, member):
    for number in range(10):
        name = f"key.number{number}"
        request = asking(member, name)()
        dismissing = partial(dismiss, actor=admin, request_id=request.id, reason="No")
        assert_only(together(dismissing, partial(store_secret, owner, name)), RequestAnswered)
        request.refresh_from_db()
        assert (request.state == "answered") == (request.secret_id is not None)
    assert chain_holds(owner.organization)


def test_nobody_gets_past_the_number_of_open_ones(together, owner, member):
    for number in range(OPEN_AT_MOST - 2):
        asking(member, f"key.number{number}")()
    problems = together(*[asking(member, f"more.number{number}") for number in range(6)])
    assert_only(problems, TooManyRequests)
    assert SecretRequest.objects.filter(state="open").count() == OPEN_AT_MOST
