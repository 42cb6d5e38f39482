"""`manage.py housekeeping` writes the heads of the audit chains down; `verify_audit` finds what was cut off since."""

import json
import logging

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.audit import trail
from accounts.models import AuditEvent, AuditHead
from config.demo import upstream
from config.management.exported_heads import export_heads
from tests.support.audit import audit_unlocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def five(owner):
    with transaction.atomic():
        for number in range(5):
            trail.record(trail.Event.SECRET_CHANGED, actor=owner, target=owner.organization, number=number)
    return owner.organization


def cut_off(organization, at):
    """Three entries go, with the head: what is left is a chain like any other."""
    with audit_unlocked(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM accounts_auditevent WHERE sequence > {at}")
    last = AuditEvent.objects.get(organization_id=organization.id, sequence=at)
    AuditHead.objects.filter(pk=organization.id).update(sequence=at, chain=last.chain)


def test_lines_of_the_log_show_what_was_cut_off_later(five, tmp_path, caplog, capsys):
    with caplog.at_level(logging.INFO):
        call_command("housekeeping")
    assert "Audit heads in the log: 1." in capsys.readouterr().out
    file = tmp_path / "coffer.log"
    file.write_text("\n".join(["something else", *(record.getMessage() for record in caplog.records), "the end"]))
    call_command("verify_audit", head=file)
    cut_off(five, 2)
    call_command("verify_audit")
    with pytest.raises(CommandError, match="not intact"):
        call_command("verify_audit", head=file)
    assert "ends at entry 2, but the exported head says 5" in capsys.readouterr().out


def test_furthest_of_several_lines_counts(five, owner, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        export_heads()
        with transaction.atomic():
            trail.record(trail.Event.SECRET_CHANGED, actor=owner, target=five)
        export_heads()
    lines = [record.getMessage() for record in caplog.records if "Audit head" in record.getMessage()]
    file = tmp_path / "coffer.log"
    file.write_text("\n".join(reversed(lines)))
    cut_off(five, 5)
    with pytest.raises(CommandError, match="not intact"):
        call_command("verify_audit", head=file)


def test_heads_go_by_mail_where_a_setting_names_an_address(five, settings):
    settings.AUDIT_HEADS_MAIL = "audit@elsewhere.example"
    assert export_heads().endswith("Sent by mail.")
    assert mail.outbox[0].to == ["audit@elsewhere.example"]
    assert '"sequence": 5' in mail.outbox[0].body


def test_heads_go_to_a_webhook_where_a_setting_names_one(five, settings):
    seen = []
    with upstream.serving(0, seen.append) as port:
        settings.AUDIT_HEADS_WEBHOOK = f"http://127.0.0.1:{port}/heads"
        assert export_heads().endswith("Sent to the webhook.")
    assert len(seen) == 1
    assert str(five.id) in json.dumps(seen, default=str)


def test_webhook_that_does_not_answer_is_said(five, settings):
    settings.AUDIT_HEADS_WEBHOOK = "http://127.0.0.1:1/heads"
    assert "NOT sent to the webhook" in export_heads()
    settings.AUDIT_HEADS_WEBHOOK = "http://192.0.2.1/heads"
    assert "NOT sent to the webhook" in export_heads()
