"""Sealing texts that are no values of secrets, with the data key of their organization: signing secrets of webhooks,
addresses that are credentials themselves, answers that are given again to the same request (docs/crypto.md, "What is
bound").
"""

from uuid import UUID

from django.utils import timezone

from accounts.access.idempotency import KEPT_FOR
from accounts.models import Organization
from secrets_app.errors import KeyUnavailable
from secrets_app.models import KeyState, OrganizationKey, SealedText
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import crypto, keyring

ANSWER = "answer"
"""The purpose of an answer, which belongs to a request (`accounts.access.idempotency`) and may hold a token."""


def seal_text(organization: Organization, purpose: str, owner_id: UUID, text: Plaintext) -> SealedText:
    """Seal a text and store it, in the transaction of the caller.

    Raises:
        KeyUnavailable: the data key does not open in this process.
    """
    key = keyring.active_key(organization)
    row = SealedText(organization=organization, purpose=purpose, owner_id=owner_id, data_key=key)
    row.sealed = crypto.seal_text(keyring.unwrap(key), text, key.pk, _place(row))
    row.save(force_insert=True)
    return row


def open_text(row: SealedText) -> Plaintext:
    """Open a sealed text whose data key is loaded.

    Raises:
        KeyLost: its data key does not open in this process.
        CannotOpen: it was changed, or copied from another place.
    """
    try:
        return crypto.open_text(keyring.unwrap(row.data_key), bytes(row.sealed), row.data_key_id, _place(row))
    except crypto.Undecryptable:
        raise keyring.CannotOpen from None


def seal_answer(organization: Organization, request_id: UUID, answer: str) -> None:
    """Seal the answer to a request and store it, in the transaction of the caller.

    Raises:
        KeyUnavailable: the data key does not open in this process.
    """
    seal_text(organization, ANSWER, request_id, Plaintext(answer))


def answer_to(organization: Organization, request_id: UUID) -> str:
    """Return the answer to a request.

    Raises:
        KeyUnavailable: it does not open any more.
    """
    rows = SealedText.objects.filter(organization=organization, purpose=ANSWER, owner_id=request_id)
    row = rows.select_related("data_key").first()
    try:
        if row:
            return open_text(row).expose()
    except keyring.CannotOpen:
        pass
    raise KeyUnavailable("The request was carried out, but its answer does not open any more.")


def forget_answers() -> None:
    """Delete the answers that are not given again any more."""
    SealedText.objects.filter(purpose=ANSWER, created_at__lte=timezone.now() - KEPT_FOR).delete()


def unreadable(key: OrganizationKey) -> list[SealedText]:
    """Return the texts under a data key that opens which do not open themselves."""
    return [row for row in SealedText.objects.filter(data_key=key).select_related("data_key") if not _opens(row)]


def _opens(row: SealedText) -> bool:
    try:
        open_text(row)
    except keyring.CannotOpen:
        return False
    return True


def under_old_keys(organization: Organization) -> list[SealedText]:
    """Return the texts that another data key than the active one seals."""
    texts = SealedText.objects.filter(organization=organization).exclude(data_key__state=KeyState.ACTIVE.value)
    return list(texts.select_related("data_key").order_by("pk"))


def seal_again(organization: Organization) -> tuple[int, dict[UUID, str]]:
    """Seal the texts of an organization with its active data key, in the caller's transaction.

    Returns:
        how many were sealed, and a sentence for each that does not open, by its id.
    """
    sealed, left = 0, {}
    if texts := under_old_keys(organization):
        key = keyring.active_key(organization)
        for row in texts:
            try:
                text = open_text(row)
            except keyring.CannotOpen:
                left[row.pk] = f"The {row} does not open: replace it."
                continue
            again = crypto.seal_text(keyring.unwrap(key), text, key.pk, _place(row))
            stored = SealedText.objects.filter(pk=row.pk, sealed=row.sealed)
            sealed += stored.update(sealed=again, data_key=key)
    return sealed, left


def _place(row: SealedText) -> tuple[bytes, ...]:
    return (row.organization_id.bytes, row.purpose.encode(), row.owner_id.bytes, row.pk.bytes)
