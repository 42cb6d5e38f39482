"""`manage.py verify_audit`: it passes over what was written, and finds what somebody with the database changed."""

import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.audit import chain, trail
from accounts.models import AuditEvent, AuditHead
from tests.support.audit import audit_unlocked, hash_of

pytestmark = pytest.mark.django_db

TABLE, HEADS = "accounts_auditevent", "accounts_audithead"


def write(actor, times=1):
    for number in range(times):
        with transaction.atomic():
            trail.record(trail.Event.SECRET_CHANGED, actor=actor, target=actor.organization, number=number)


def tamper(*statements):
    """What somebody does who may do everything in the database, its triggers lifted."""
    with audit_unlocked(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def written_anew(organization, since):
    """The whole chain computed again from a number on, with its head: only an exported head can tell."""
    events = list(AuditEvent.objects.filter(organization_id=organization.id).order_by("sequence"))
    previous = bytes(events[since - 2].chain) if since > 1 else b""
    for event in events[since - 1 :]:
        event.chain = previous = hash_of(previous, event)
    with audit_unlocked():
        for event in events[since - 1 :]:
            event.save()
        AuditHead.objects.filter(pk=organization.id).update(sequence=len(events), chain=previous)


def verify(capsys, *options):
    call_command("verify_audit", *map(str, options))
    return capsys.readouterr().out


def findings(capsys, *options):
    with pytest.raises(CommandError, match="The audit log is not intact") as refused:
        call_command("verify_audit", *map(str, options))
    assert refused.value.returncode == 1
    return [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]


@pytest.fixture
def five(owner, outsider):
    """Five entries here, two in another organization."""
    write(owner, 5)
    write(outsider, 2)
    return owner.organization


@pytest.fixture
def head(five, tmp_path, capsys):
    """The heads as they were after those."""
    path = tmp_path / "heads.json"
    verify(capsys, "--export-head", path)
    return path


def test_untouched_logs_pass(five, outsider, capsys):
    assert sorted(verify(capsys).splitlines()) == [
        "harbor-clinics: 5 entries, intact.",
        f"{outsider.organization.slug}: 2 entries, intact.",
    ]


def test_one_organization_alone(five, capsys):
    assert verify(capsys, "--organization", "harbor-clinics") == "harbor-clinics: 5 entries, intact.\n"


def test_nothing_written_yet_passes(organization, capsys):
    assert verify(capsys) == "harbor-clinics: 0 entries, intact.\n"


def test_log_that_grew_passes_against_an_older_head(head, owner, capsys):
    write(owner, 3)
    assert "harbor-clinics: 8 entries, intact." in verify(capsys, "--head", head)


def test_what_is_written_meanwhile_does_no_harm(five, owner, capsys, monkeypatch):
    follow = chain._follow

    def while_others_write(*args):
        write(owner)
        found = follow(*args)
        write(owner)
        return found

    monkeypatch.setattr(chain, "_follow", while_others_write)
    assert verify(capsys, "--organization", "harbor-clinics") == "harbor-clinics: 6 entries, intact.\n"


def test_exported_head_names_the_last_entry(head, five):
    entry = next(entry for entry in json.loads(head.read_text())["heads"] if entry["slug"] == "harbor-clinics")
    last = AuditEvent.objects.get(organization_id=five.id, sequence=5)
    assert entry == {
        "organization": str(five.id),
        "slug": "harbor-clinics",
        "sequence": 5,
        "chain": bytes(last.chain).hex(),
    }


@pytest.mark.parametrize(
    "change",
    [
        "actor_label = 'somebody else'",
        "actor_id = NULL",
        "event = 'secret.created'",
        "outcome = 'other'",
        "target_label = 'another'",
        "environment = 'staging'",
        "address = '192.0.2.7'",
        """data = '{"number": 7}'""",
        "created_at = '2020-01-01 00:00:00+00:00'",
        f"id = '{uuid.uuid4().hex}'",
    ],
)
def test_edit_of_any_column_is_found(five, capsys, change):
    tamper(f"UPDATE {TABLE} SET {change} WHERE sequence = 3")
    assert findings(capsys, "--organization", "harbor-clinics") == [
        "Entry 3 was changed or does not follow the previous entry."
    ]


def test_edit_with_a_hash_to_match_is_found_at_the_next_entry(five, capsys):
    tamper(f"UPDATE {TABLE} SET actor_label = 'somebody else' WHERE sequence = 3")
    event = AuditEvent.objects.get(organization_id=five.id, sequence=3)
    event.chain = hash_of(bytes(AuditEvent.objects.get(organization_id=five.id, sequence=2).chain), event)
    with audit_unlocked():
        event.save()
    assert findings(capsys) == ["Entry 4 was changed or does not follow the previous entry."]


def test_deletion_at_the_beginning_and_in_the_middle_is_found(five, capsys):
    tamper(f"DELETE FROM {TABLE} WHERE sequence IN (1, 3, 4)")
    found = findings(capsys, "--organization", "harbor-clinics")
    assert found == ["Missing: entry 1.", "Missing: entries 3 to 4."]


def test_deletion_with_the_rest_renumbered_is_found(five, capsys):
    tamper(f"DELETE FROM {TABLE} WHERE sequence = 3")
    for number in (4, 5):
        tamper(f"UPDATE {TABLE} SET sequence = {number - 1} WHERE sequence = {number}")
    found = findings(capsys, "--organization", "harbor-clinics")
    assert "Entry 3 was changed or does not follow the previous entry." in found
    assert "The log was cut off: it ends at entry 4, but its head says 5." in found


def test_entry_moved_to_another_organization_is_found_in_both(five, outsider, capsys):
    with audit_unlocked():
        AuditEvent.objects.filter(organization_id=outsider.organization.id, sequence=2).update(
            organization_id=five.id, sequence=6
        )
    found = findings(capsys)
    assert "The log was cut off: it ends at entry 1, but its head says 2." in found
    assert "Entry 6 was changed or does not follow the previous entry." in found
    assert "The log continues to entry 6, but its head says 5." in found


def test_end_that_was_cut_off_shows_against_the_head_in_the_database(five, capsys):
    tamper(f"DELETE FROM {TABLE} WHERE sequence > 3")
    assert findings(capsys, "--organization", "harbor-clinics") == [
        "The log was cut off: it ends at entry 3, but its head says 5."
    ]


def cut_off_with_head(organization, at):
    last = AuditEvent.objects.get(organization_id=organization.id, sequence=at)
    tamper(f"DELETE FROM {TABLE} WHERE sequence > {at}")
    AuditHead.objects.filter(pk=organization.id).update(sequence=at, chain=bytes(last.chain))


def test_end_that_was_cut_off_with_its_head_shows_against_the_exported_one_alone(head, five, capsys):
    cut_off_with_head(five, 3)
    verify(capsys, "--organization", "harbor-clinics")
    assert findings(capsys, "--organization", "harbor-clinics", "--head", head) == [
        "The log was cut off: it ends at entry 3, but the exported head says 5."
    ]


def test_cut_off_and_grown_again_shows_against_the_exported_head(head, owner, five, capsys):
    cut_off_with_head(five, 3)
    write(owner, 4)
    verify(capsys, "--organization", "harbor-clinics")
    assert findings(capsys, "--organization", "harbor-clinics", "--head", head) == [
        "Entry 5 does not match the exported head: the log was rewritten."
    ]


def test_chain_computed_anew_shows_against_the_exported_head_alone(head, five, capsys):
    with audit_unlocked():
        AuditEvent.objects.filter(organization_id=five.id, sequence=2).update(actor_label="somebody else")
    written_anew(five, since=2)
    verify(capsys)
    assert findings(capsys, "--head", head) == ["Entry 5 does not match the exported head: the log was rewritten."]


def test_everything_gone_shows_against_the_exported_head(head, five, capsys):
    tamper(f"DELETE FROM {TABLE}", f"DELETE FROM {HEADS}")
    with audit_unlocked():  # which also lifts the trigger that keeps an owner
        five.delete()
    assert len(findings(capsys, "--head", head)) == 2


def test_missing_head_is_found(five, capsys):
    tamper(f"DELETE FROM {HEADS}")
    assert "The log continues to entry 5, but its head says 0." in findings(capsys)


def test_deleted_organization_is_verified_too(five, capsys):
    tamper(f"UPDATE {TABLE} SET outcome = 'other' WHERE sequence = 5")
    with audit_unlocked():  # which also lifts the trigger that keeps an owner
        five.delete()
    assert findings(capsys) == ["Entry 5 was changed or does not follow the previous entry."]


def test_many_findings_are_counted(owner, capsys):
    write(owner, chain.MAX_FINDINGS + 5)
    tamper(f"UPDATE {TABLE} SET outcome = 'other'")
    found = findings(capsys)
    assert (len(found), found[-1]) == (chain.MAX_FINDINGS + 1, "… and 5 more.")


def test_head_is_not_exported_from_a_log_that_does_not_hold(five, tmp_path, capsys):
    tamper(f"DELETE FROM {TABLE} WHERE sequence = 1")
    findings(capsys, "--export-head", tmp_path / "heads.json")
    assert not (tmp_path / "heads.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"heads": [1]}',
        b'{"heads": [{"organization": "x", "sequence": 1, "chain": ""}]}',
        b'{"heads": [{"organization": "0b8f6a0e-5d2c-4a53-9d24-4d8a2d5a8d11", "sequence": 1, "chain": "00"}]}',
        b'{"heads": [{"organization": "0b8f6a0e-5d2c-4a53-9d24-4d8a2d5a8d11", "sequence": -1, "chain": ""}]}',
    ],
)
def test_file_that_is_no_head_is_an_error(five, tmp_path, content):
    path = tmp_path / "heads.json"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="was not written by --export-head or housekeeping"):
        call_command("verify_audit", "--head", str(path))


def test_file_that_is_not_there_is_an_error(five, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", "--head", str(tmp_path / "none"))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("verify_audit", "--export-head", str(tmp_path / "none" / "heads.json"))


def test_unknown_organization_is_an_error(five):
    with pytest.raises(CommandError, match="No organization has the slug nowhere"):
        call_command("verify_audit", "--organization", "nowhere")
