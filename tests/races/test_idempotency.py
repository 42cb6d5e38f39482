"""The same request several times at the same moment, on PostgreSQL with real threads."""

import uuid

import pytest

from secrets_app.models import Secret
from tests.fixtures.api import Caller
from tests.support.things import key_for

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_it_is_carried_out_once_and_the_others_wait_or_get_its_answer(owner, together):
    api_key, answers = key_for(owner), []
    for number in range(10):
        key, body = str(uuid.uuid4()), {"name": f"crm.token{number}", "value": "a-value-to-keep"}

        def send(key=key, body=body):
            answers.append(Caller(api_key).call("POST", "/secrets", body, idempotency_key=key))

        assert together(send, send, send) == [None, None, None]
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    assert set(refused) <= {"request_unfinished"}
    done = [answer.json()["name"] for answer in answers if answer.status_code == 201]
    assert len(set(done)) == Secret.objects.count() == 10
    assert [answer.status_code for answer in answers if "Idempotency-Replayed" not in answer.headers].count(201) == 10
