"""Servers that are killed (SIGKILL) after an approval: the call is made once or not at all, and the record says which.

A real child process works on the same database, and a real upstream counts what it was sent.
"""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.common import database
from integrations.approvals.background import attend
from integrations.approvals.deciding import approve
from integrations.errors import ApprovalUsed
from integrations.models import Approval, Run, WhenApproved
from tests.peers.upstreams import answering, http
from tests.support.audit import chain_holds
from tests.support.crashes import child
from tests.support.integrations.approvals import Stand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]

COMMITS = 4
"""Those of an approved call that the server makes: mail, claim, start of the run, end of the run."""


def attend_alone():
    """The work of a server in a process that has just been forked: without the threads of the one before."""
    database._pool = ThreadPoolExecutor(2)
    signal.alarm(20)
    async_to_sync(attend)()


@pytest.fixture
def sent():
    """What a real upstream was sent, and its address."""
    received = []

    def respond(request, connection):
        received.append(request)
        connection.sendall(http(b"{}"))

    with answering(respond) as url:
        yield received, url


@pytest.mark.parametrize("kill", ["before", "after"])
def test_a_call_of_an_agent_dies_around_its_start(owner, sent, kill):
    stand = Stand(owner, base_url=sent[1])
    held = stand.held()
    approve(actor=owner, approval_id=held.pk)
    assert child(stand.call, kill=kill) == -signal.SIGKILL
    held.refresh_from_db()
    started = Run.objects.filter(outcome="started").count()
    if kill == "before":
        assert (held.state, started) == ("approved", 0)
        stand.call()
    else:
        assert (held.state, started) == ("used", 1)
        with pytest.raises(ApprovalUsed):
            stand.call(approval=held.pk)
    assert chain_holds(owner.organization)


@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("at", range(1, COMMITS + 1))
def test_a_call_of_the_server_dies_at_any_commit(owner, sent, at, kill):
    received, url = sent
    stand = Stand(owner, base_url=url)
    held = stand.held(when=WhenApproved.APPROVED)
    approve(actor=owner, approval_id=held.pk)
    child(attend_alone, kill=kill, at=at)
    Approval.objects.update(claimed_until=timezone.now())
    async_to_sync(attend)()
    held.refresh_from_db()
    made = Run.objects.filter(pk=held.made_run_id).first()
    assert held.state == "used"
    assert len(received) <= 1
    assert (made.outcome == "succeeded") <= (len(received) == 1)
    assert Run.objects.exclude(outcome="refused").count() == 1
    assert chain_holds(owner.organization)
