"""What the server does about approvals beside its requests: ends them in time, makes calls, sends mail."""

import asyncio
import logging

from django.db import Error

from accounts.common.database import in_database
from accounts.errors import Refusal
from accounts.people import mail_again
from integrations.approvals.making import make_due
from integrations.holding.deciders import MAILS
from integrations.holding.expiring import expire_due
from integrations.models import Approval, ApprovalState

EVERY_SECONDS = 2.0

logger = logging.getLogger(__name__)


async def attend_forever() -> None:
    """Attend to approvals until the task is cancelled. What goes wrong with the database is tried again."""
    while True:
        try:
            await attend()
        except (Error, OSError, Refusal):
            pass
        except Exception as fault:  # one bad approval must not end the task; the text of an exception might quote it
            logger.error("Attending to approvals failed with %s.", type(fault).__name__)  # noqa: TRY400
        await asyncio.sleep(EVERY_SECONDS)


async def attend() -> None:
    """End the approvals whose time is over, make the calls that are due, and send the mails that ask for decisions."""
    if not await in_database(_is_anything_open):
        return
    await in_database(mail_again.send_due, about=(MAILS,))
    await make_due()
    await in_database(expire_due)


def _is_anything_open() -> bool:
    return Approval.objects.filter(state__in=[ApprovalState.WAITING.value, ApprovalState.APPROVED.value]).exists()
