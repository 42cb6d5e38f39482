"""A secret gains a destination: the one place that judges it (docs/concepts.md, "Destinations").

A value starts to be sent to a host because of a new reference, a changed host, a connector given to another action, a
copy that is switched on, an environment that is added, or a name that is bound. Whatever the way, it is judged here, in
the transaction of the change: it takes the permission `secrets.use`, the actor's environments and, on pages, a recent
proof; the audit log names secret and host; the owners are told where the secret is used in Production. To lose or keep
a destination takes nothing.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from accounts.actors import Actor
from accounts.audit import trail
from accounts.common.environments import Environment, in_order
from accounts.errors import PermissionDenied, ProofNeeded
from accounts.mail.messages import owners_of
from accounts.mail.sending import Email, link, quoted, send_after_commit
from accounts.policy import Permission
from integrations.models import SecretReference
from integrations.references.destinations import Sending, sent_because_of, sent_by, using

NAMED_AT_MOST = 20
"""How many integrations an event names, and how many destinations a mail lists."""


@contextmanager
def judging(actor: Actor, changed: Iterable[UUID], *, are_new: bool = False) -> Iterator[None]:
    """Judge what secrets gain by the changes made within the block to these integrations. Some of them may be new.

    Args:
        are_new: none of them exists before the block.

    Raises:
        PermissionDenied, ProofNeeded: as `judge`, at the end of the block.
    """
    ids = list(changed)
    before = set() if are_new else {sending.key for sending in sent_by(using(ids))}
    yield
    gained = [sending for sending in sent_by(using(ids)) if sending.key not in before]
    if gained:
        others = sent_because_of({sending.reference_id for sending in gained}, not_by=using(ids))
        elsewhere = {sending.key for sending in others}
        judge(actor, [sending for sending in gained if sending.key not in elsewhere])


def judge(actor: Actor, gained: Collection[Sending]) -> None:
    """Refuse or record new destinations of secrets, in the transaction that makes them.

    Raises:
        PermissionDenied: the actor may not send secrets somewhere new, or not these, or not in these environments.
        ProofNeeded: the session has no recent proof of who is there.
    """
    if not gained:
        return
    _check(actor, gained)
    trail.record_all(_acts(gained), actor=actor)
    _notify(actor, gained)


def _check(actor: Actor, gained: Collection[Sending]) -> None:
    first = min(gained, key=lambda sending: (sending.secret, sending.host))
    sentence = f"This would send {first.secret} to {first.host}, where it is not sent yet."
    if not actor.may(Permission.SECRETS_USE):
        raise PermissionDenied(f"{sentence} That needs the permission {Permission.SECRETS_USE.value}.")
    barred = {sending.secret for sending in gained if not actor.may_send(sending.secret_id)}
    if barred:
        raise PermissionDenied(f"This API key may send other secrets somewhere new, but not {min(barred)}.")
    actor.check_environments(*in_order(sending.environment for sending in gained))
    if not actor.proven:
        raise ProofNeeded(f"{sentence} Confirm that it is you first.")


@dataclass(frozen=True, slots=True)
class _SecretTarget:
    id: UUID
    name: str


def _acts(gained: Collection[Sending]) -> Iterator[trail.Act]:
    """Return an event for each secret and host."""
    for secret_id, name, host in sorted({(sending.secret_id, sending.secret, sending.host) for sending in gained}):
        alike = [sending for sending in gained if (sending.secret_id, sending.host) == (secret_id, host)]
        data = {
            "host": host,
            "environments": [environment.value for environment in in_order(sending.environment for sending in alike)],
            "integrations": sorted({sending.integration for sending in alike})[:NAMED_AT_MOST],
        }
        yield trail.Act(trail.Event.SECRET_DESTINATION_ADDED, _SecretTarget(secret_id, name), data=data)


def _notify(actor: Actor, gained: Collection[Sending]) -> None:
    """Tell the owners about new destinations of secrets that are used in Production, in any environment."""
    live = SecretReference.objects.filter(
        secret__in={sending.secret_id for sending in gained}, needed_in__has=Environment.PRODUCTION
    )
    in_production = set(live.values_list("secret_id", flat=True))
    pairs = sorted({(sending.secret, sending.host) for sending in gained if sending.secret_id in in_production})
    if pairs:
        send_after_commit(_mails(actor, pairs), about="new destination of a secret")


def _mails(actor: Actor, pairs: list[tuple[str, str]]) -> list[Email]:
    organization = actor.organization
    name, more = quoted(organization.name), len(pairs) - NAMED_AT_MOST
    lines = [f"{secret} to {host}" for secret, host in pairs[:NAMED_AT_MOST]]
    return [
        Email(
            to=address,
            subject=f"New destination of a secret of {name} on Coffer",
            paragraphs=[
                f"{quoted(actor.label)} made a change in {name}. From now on Coffer sends:",
                "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])]),
                f"If this is a mistake, disable the secret and read the audit log:\n{link('audit', organization.slug)}",
            ],
        )
        for address in owners_of(organization)
    ]
