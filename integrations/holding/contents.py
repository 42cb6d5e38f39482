"""What a held call would send, and from where it came. Sealed, and destroyed in time.

It is the one thing of a call that Coffer stores, because a person decides on it (docs/threat-model.md).
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from accounts.common.fields import read_json, write_json
from integrations.errors import InvalidArguments
from integrations.exchange.messages import PreviewRequest
from integrations.models import Approval
from secrets_app.errors import KeyUnavailable
from secrets_app.models import SealedText
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring
from secrets_app.sealing.sealed_texts import open_text, seal_text

PURPOSE = "approval"
MOST_BYTES = 262_144
"""Of the arguments of a call that a person has to read."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a held call would send.

    Attributes:
        params: the arguments, as the integration takes them.
        preview: the request with each value as dots; None where the kind has none to show.
        address: where the call came from; empty if that is not known.
    """

    params: Mapping[str, Any]
    preview: PreviewRequest | None
    address: str = ""


def seal(approval: Approval, contents: Contents) -> None:
    """Seal what a call would send, in the transaction that holds it.

    Raises:
        InvalidArguments: it is too much for a person to read.
        KeyUnavailable: the data key does not open in this process.
    """
    preview = asdict(contents.preview) if contents.preview else None
    text = write_json({"params": dict(contents.params), "preview": preview, "address": contents.address})
    if len(text) > MOST_BYTES:
        raise InvalidArguments(
            f"A call that a person has to approve may send at most {MOST_BYTES:,} bytes. Send less in one call."
        )
    seal_text(approval.organization, PURPOSE, approval.pk, Plaintext(text))


def opened(approval: Approval) -> Contents | None:
    """Return what a call would send; None once it is destroyed. The caller has checked who may see it.

    Raises:
        KeyUnavailable: it does not open any more.
    """
    row = _rows([approval.pk]).select_related("data_key").first()
    return _opened(row) if row else None


def opened_each(approvals: Iterable[Approval]) -> dict[UUID, Contents]:
    """Return what several calls would send, by the approval's id, without those that are destroyed or do not open."""
    found = {}
    for row in _rows([approval.pk for approval in approvals]).select_related("data_key"):
        with suppress(KeyUnavailable):
            found[row.owner_id] = _opened(row)
    return found


def _opened(row: SealedText) -> Contents:
    try:
        found = read_json(open_text(row).expose())
    except keyring.CannotOpen:
        raise KeyUnavailable("The arguments of this call do not open any more. Deny it.") from None
    preview = found["preview"]
    if preview:
        preview = PreviewRequest(**preview | {"headers": [(name, value) for name, value in preview["headers"]]})
    return Contents(found["params"], preview, found.get("address", ""))


def destroy(approval_ids: Iterable[UUID]) -> None:
    """Destroy what these calls would have sent, or did."""
    _rows(approval_ids).delete()


def _rows(approval_ids: Iterable[UUID]) -> Any:
    return SealedText.objects.filter(purpose=PURPOSE, owner_id__in=list(approval_ids))
