"""What the record of a run holds of its steps, the address, the answer's size, the request and who stands behind it."""

from uuid import uuid4

import pytest

from accounts.common.environments import Environment
from accounts.common.observers import RunTrace
from accounts.common.request_notes import REQUEST_ID
from accounts.errors import Refusal
from accounts.models import ApiKey
from integrations.broker.ledger import STEPS, steps_of
from integrations.models import Run
from tests.fixtures.api import Caller
from tests.peers.upstreams import answering, http
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.each_database, pytest.mark.django_db]

S = Environment.STAGING


@pytest.fixture
def echoing(owner):
    """An action to an upstream that answers with the request."""
    store_secret(owner)
    with answering(lambda request, connection: connection.sendall(http(request))) as url:
        yield make_action(owner, base_url=url)


def test_a_run_has_each_step_in_order(owner, run, echoing):
    token = REQUEST_ID.set("req-7f3a")
    try:
        result = run(owner, echoing, S)
    finally:
        REQUEST_ID.reset(token)
    kept = Run.objects.get(pk=result.run_id)
    assert set(kept.steps) == set(STEPS)
    assert all(took >= 0 for took in kept.steps.values())
    assert (kept.address, kept.request_id, kept.principal_id) == ("127.0.0.1", "req-7f3a", owner.id)
    assert kept.answer_bytes
    assert (kept.failure, kept.error_status) == (None, None)


def test_a_refused_run_keeps_what_is_known(owner, run):
    action = make_action(owner)
    with pytest.raises(Refusal):
        run(owner, action, S)
    kept = Run.objects.get()
    assert (list(kept.steps), kept.failure, kept.error_status) == (["admitted"], "refused", None)
    assert (kept.address, kept.answer_bytes) == ("", None)


def test_a_failed_run_has_the_step_in_which_it_stopped(owner, run):
    store_secret(owner, allowed_domains=["localhost"])
    action = make_action(owner, base_url="http://localhost:9")
    with pytest.raises(Refusal):
        run(owner, action, S)
    kept = Run.objects.get()
    assert (kept.failure, set(kept.steps)) == ("failed", {"admitted", "opened", "judged", "sent", "recorded"})


@pytest.mark.usefixtures("inline")
def test_the_run_of_a_session_counts_for_the_key_behind_it(owner, echoing):
    key = Caller(key_for(owner))
    token = key.post("/sessions", {"name": "call 7", "environments": ["staging"]})["token"]
    Caller(token).post(f"/integrations/{echoing.id}/run", {"environment": "staging"})
    kept = Run.objects.get()
    session, parent = ApiKey.objects.get(parent__isnull=False), ApiKey.objects.get(parent=None)
    assert (kept.caller_id, kept.principal_id) == (session.pk, parent.pk)


TRACES = {
    "nothing was measured": ([], {}),
    "sums of several calls": (
        [("", 0), ("admitted", 1), ("opened", 2), ("begun", 2), ("sent", 3), ("answered", 5), ("begun", 6),
         ("sent", 7), ("answered", 9), ("masked", 10)],
        {"admitted": 1000, "opened": 1000, "sent": 2000, "answered": 4000, "masked": 1000},
    ),
    "stopped at a name": (
        [("", 0), ("admitted", 1), ("opened", 2), ("begun", 2), ("stopped", 4)],
        {"admitted": 1000, "opened": 1000, "judged": 2000},
    ),
    "stopped while connecting": (
        [("", 0), ("admitted", 1), ("opened", 2), ("begun", 2), ("judged", 3), ("stopped", 4), ("recorded", 5)],
        {"admitted": 1000, "opened": 1000, "judged": 1000, "sent": 1000, "recorded": 1000},
    ),
    "no answer": (
        [("", 0), ("admitted", 1), ("opened", 2), ("begun", 2), ("sent", 3), ("stopped", 9)],
        {"admitted": 1000, "opened": 1000, "sent": 1000, "answered": 6000},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("marks", "steps"), TRACES.values(), ids=TRACES)
def test_steps_of_a_trace(marks, steps):
    assert steps_of(RunTrace([(step, float(at)) for step, at in marks], request_id=str(uuid4()))) == steps
