"""The order in which the changes of a plan are carried out, and what is said where one is refused."""

from collections.abc import Callable, Sequence
from functools import partial

from django.db import transaction

from accounts.actors import Actor
from accounts.errors import Invalid, Refusal
from integrations.declared import acts
from integrations.declared.differences import PlannedChange
from integrations.declared.document import MOST_ERRORS, NOT_APPLIED, ConfigurationFile, refusal
from integrations.errors import IntegrationInUse
from integrations.kinds import KINDS
from secrets_app.errors import SecretInUse

WAITING = (Invalid, SecretInUse, IntegrationInUse)
"""What another act of the same apply may mend, such as a name that is still taken or a use that goes later."""

SECTIONS_IN_ORDER = ["secrets", "integrations", "webhooks"]


def carry_out_all(
    actor: Actor, file: ConfigurationFile, changes: Sequence[PlannedChange], *, accept_raw_credentials: bool
) -> None:
    """Carry out the changes of a plan, in the transaction of the caller.

    Each is tried until all are done, or none of those that are left succeeds. Secrets are disabled last, because a new
    reference may not name a disabled secret.

    Raises:
        PermissionDenied: the actor may not do one of them.
        Invalid, RawCredential, ValueRequired, SecretInUse, IntegrationInUse: a rule refuses one; each fault has its
            line in the file.
    """
    ordered = sorted(changes, key=_place)
    _until_done(file, ordered, partial(acts.carry_out, actor, accept_raw_credentials=accept_raw_credentials))
    disabled = [change for change in ordered if acts.is_disabled_by(change)]
    _until_done(file, disabled, partial(acts.disable, actor))


def _until_done(
    file: ConfigurationFile, changes: Sequence[PlannedChange], act: Callable[[PlannedChange], None]
) -> None:
    while changes:
        refused: list[tuple[PlannedChange, Refusal]] = []
        for change in changes:
            try:
                with transaction.atomic():  # an act of several steps is done whole, or tried again whole
                    act(change)
            except WAITING as reason:
                refused.append((change, reason))
        if len(refused) == len(changes):
            raise _refusal(file, refused)
        changes = [change for change, _ in refused]


def _refusal(file: ConfigurationFile, refused: Sequence[tuple[PlannedChange, Refusal]]) -> Refusal:
    """Return the first refusal with the faults of all, each where it stands in the file."""
    first = refused[0][1]
    errors = [
        error
        for change, reason in refused
        for error in file.errors_at(change.path, reason.errors) or [file.error(change.path, reason.detail, reason.code)]
    ]
    if type(first) is Invalid:
        return refusal(errors)
    first.errors = sorted(errors, key=lambda error: error.line)[:MOST_ERRORS]
    first.detail = f"{NOT_APPLIED} {first.detail}"
    return first


def _place(change: PlannedChange) -> tuple[int, int, str]:
    """Return the place of a change among all: what others refer to comes before them, and is deleted after them."""
    section, depth = SECTIONS_IN_ORDER.index(change.section), _depth(change)
    if change.action == "delete":
        return 2 * len(SECTIONS_IN_ORDER) - section, -depth, change.name
    return section, depth, change.name


def _depth(change: PlannedChange) -> int:
    """Return 0 for a connector, 1 for a connection and 2 for what uses them."""
    if change.section != "integrations":
        return 0
    kind = KINDS[change.stored.declared.kind if change.stored else change.declared.kind]
    return 0 if kind.is_connector else 1 if kind.is_connection else 2
