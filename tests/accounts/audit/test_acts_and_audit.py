"""Every act of every service stands or falls with its audit event: when that cannot be written, nothing happened."""

import ast
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from accounts.audit.trail import Event
from accounts.models import AuditEvent, Membership, User
from secrets_app.models import Secret
from tests.support import audited_acts
from tests.support.audited_acts import ACTS, MORE_ACTS, SET_UP_BY_THE_ACT, furnished
from tests.support.databases.rows import all_rows
from tests.support.databases.undone import failures
from tests.support.source import modules

pytestmark = pytest.mark.django_db


class Broken(Exception):
    """The audit insert fails."""


@pytest.fixture
def stage(owner, organization):
    return furnished(owner)


GAINED = "secret.destination_added"
"""What many acts leave besides their own event."""
TRIED_ELSEWHERE = {
    "approval.expired", "approval.held", "approval.used",
    "secret.unreadable", "secret_request.answered", "integration.secret_in_arguments", "organization.configured", GAINED
}  # fmt: skip
"""Events that other acts or runs leave; `MORE_ACTS` and the tests of the broker try them."""


def test_act_is_recorded_once(owner, stage):
    before = set(AuditEvent.objects.values_list("pk", flat=True))

    def recorded(event):
        ACTS[event](owner, stage)
        written = AuditEvent.objects.exclude(pk__in=before)
        assert [row.event for row in written if row.event != GAINED] == [event]
        assert written[0].target_id is not None

    assert failures(ACTS, recorded) == {}


def test_act_of_many_events_leaves_some(owner, stage):
    before = AuditEvent.objects.count()

    def recorded(act):
        MORE_ACTS[act](owner, stage)
        assert AuditEvent.objects.count() > before

    assert failures(MORE_ACTS, recorded) == {}


@contextmanager
def broken_log():
    """No audit event can be inserted."""
    manager = type(AuditEvent.objects)
    bulk_create = manager.bulk_create

    def fail(self, *args, **kwargs):
        raise Broken

    def create(self, *args, **kwargs):
        if self.model is AuditEvent:
            raise Broken
        return bulk_create(self, *args, **kwargs)

    with patch.object(AuditEvent, "save", fail), patch.object(manager, "bulk_create", create):
        yield


def test_act_without_its_event_did_not_happen(owner, stage):
    acts = ACTS | MORE_ACTS
    before = {left_out: all_rows(*left_out) for left_out in map(left_out_of, acts)}

    def without_a_trace(act):
        with broken_log(), pytest.raises(Broken):
            acts[act](owner, stage)
        assert all_rows(*left_out_of(act)) == before[left_out_of(act)]

    assert failures(acts, without_a_trace) == {}


def left_out_of(act):
    """Return the columns that the act sets before it calls its service."""
    return tuple(SET_UP_BY_THE_ACT.get(act, ()))


def test_every_event_that_a_service_writes_is_tried():
    assert set(ACTS) == {event.value for event in Event} - TRIED_ELSEWHERE


NOT_AUDITED = {
    "create_person": "belongs to no organization",
    "rotate_session": "belongs to no organization",
    "settle": "writes canaries of master keys",
    "give_way": "runs a job of maintenance, which has its event",
    "ensure_installation_key": "makes the installation's own data key",
    "atomic_with_mail": "runs an act of allauth, which has its event",
    "note": "writes the event of a refused attempt",
    "record": "writes events",
    "record_all": "writes events",
    "refuse": "writes the event of a value among the arguments, which the tests of arguments try",
    "fingerprint_values": "writes secret.unreadable, which a test of the resolver tries",
    "begin_all": "writes runs, which are a log of their own",
    "finish_all": "writes runs",
    "stamp_last_used": "a run changes when a secret was last used",
    "dispatch_all": "puts what is recorded already into queues",
    "make_plan": "undoes what it tries",
    "send_test": "puts a test event into a queue",
    "send_again": "puts an event into its queue again",
    "together": "performs acts of a rotation, which have their events",
    "hide": "is a choice of what a page shows",
    "count_answer": "counts answers to a nonce during a run",
}
"""Functions that open a transaction, and why no audit event tells of it."""
THROUGH = {
    "create_secret": "store_secret",
    "create_integration": "make_action",
    "create_endpoint": "endpoint_with_delivery",
    "make_import": "make_import_of",
    "invite": "invited",
    "accept": "accept_with_new_account",
    "carry_out_all": "configuration.apply",
}


def opening_a_transaction(path):
    """Functions of a module that open a transaction, themselves or through a private function of the module."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    sources, marks, found = {node: ast.unparse(node) for node in functions}, {"transaction.atomic"}, set()
    while more := {node for node in functions if any(mark in sources[node] for mark in marks)} - found:
        found |= more
        marks |= {f"{node.name}(" for node in more if node.name.startswith("_")}
    return found


def test_every_service_that_writes_is_tried():
    """Public functions of the services that open a transaction, by reading the code; tried by name."""
    here = Path(audited_acts.__file__).read_text()
    written = {
        function.name
        for path in modules("accounts", "secrets_app", "integrations")
        for function in opening_a_transaction(path)
        if function.args.kwonlyargs
    }
    public = {name for name in written if not name.startswith("_")} - set(NOT_AUDITED)
    assert {name for name in public if f"{THROUGH.get(name, name)}(" not in here} == set()


def test_comparison_sees_a_change(owner, stage):
    before = all_rows()
    Secret.objects.filter(pk=stage["used"].pk).update(description="changed")
    assert all_rows() != before
    assert Membership.objects.exists() and User.objects.exists()
