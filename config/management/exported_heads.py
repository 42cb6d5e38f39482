"""Sends the heads of the audit chains to where the database's administrators cannot change them."""

import asyncio
import json
import logging

from django.conf import settings
from yarl import URL

from accounts.audit import heads
from accounts.errors import Refusal
from accounts.mail.sending import Email, send
from integrations.egress.configuration import policy, ssl_context
from integrations.exchange.messages import OutgoingRequest
from integrations.transport import client

SECONDS = 20.0

logger = logging.getLogger(__name__)


def export_heads() -> str:
    """Write each head to the log, and send all of them by mail and to a webhook where the settings name them.

    Returns:
        a sentence that says what was done, and what failed.
    """
    stored = heads.stored_heads()
    for entry in heads.entries(stored):
        head = json.dumps(entry)
        logger.info("Audit head %s", head)
    heads.tell(stored)
    said = [f"Audit heads in the log: {len(stored)}."]
    if stored and settings.AUDIT_HEADS_MAIL:
        said.append("Sent by mail." if _mail(heads.document(stored)) else "NOT sent by mail; see the log.")
    if stored and settings.AUDIT_HEADS_WEBHOOK:
        problem = asyncio.run(_post(heads.document(stored)))
        said.append(f"NOT sent to the webhook: {problem}" if problem else "Sent to the webhook.")
    return " ".join(said)


def _mail(text: str) -> bool:
    paragraphs = ["Keep this document; `manage.py verify_audit --head FILE` compares the audit log with it.", text]
    email = Email(to=settings.AUDIT_HEADS_MAIL, subject="Audit heads of Coffer", paragraphs=paragraphs)
    return bool(send([email], about="audit heads"))


async def _post(text: str) -> str:
    """Send the document, and return what went wrong."""
    headers = (("Content-Type", "application/json"), ("User-Agent", client.USER_AGENT))
    request = OutgoingRequest(
        "POST", URL(settings.AUDIT_HEADS_WEBHOOK), headers, text.encode(), SECONDS, needs_body=False
    )
    try:
        response = await client.send(request, policy(), ssl_context=ssl_context())
    except Refusal as refusal:
        return refusal.detail
    return "" if 200 <= (response.status or 0) < 300 else f"it answered {response.status}."  # noqa: PLR2004
