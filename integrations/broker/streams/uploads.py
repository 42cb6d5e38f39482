"""The body that a caller sends along, searched for values while it flows (docs/security-rules.md, "Arguments").

A piece is sent once it was searched together with the end of the piece before it. A value ends the call: the upstream
has got the beginning of it at most, and the caller gets no answer.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

from accounts.common.database import in_database
from accounts.errors import RequestTimedOut
from integrations.broker.arguments import BROKEN_OFF, find_in_piece, refuse
from integrations.broker.mask_sets import WORKERS
from integrations.broker.preparation import Admitted
from integrations.broker.streams.channel import StreamingChannel
from integrations.exchange.streams import Upload
from secrets_app.plaintext import is_short
from secrets_app.redaction.redactor import Redactor, ValueSet

CONTEXT_BYTES = 1024
"""What is searched again with the next piece: more than a form of a value takes that is found by a part of it."""
SLICE_BYTES = 48 * 1024
"""What is searched at once: with what is searched again, it fits into one window of the search."""


def searched(upload: Upload, admitted: Admitted, channel: StreamingChannel, others: Sequence[ValueSet]) -> Upload:
    """Return an upload whose pieces are searched, counted and waited for no longer than the channel's idle time.

    Its pieces raise ArgumentContainsSecret, InvalidArguments or RequestTimedOut.
    """
    values = {name: value for name, value in admitted.masked.items() if not is_short(value)}
    redactor = Redactor(values, others=others)
    return replace(upload, pieces=_searched(upload, admitted, channel, redactor))


async def _searched(
    upload: Upload, admitted: Admitted, channel: StreamingChannel, redactor: Redactor
) -> AsyncIterator[bytes]:
    organization, trace, before = admitted.run.organization_id, admitted.trace, b""
    trace.sent_bytes = 0
    async for piece in _slices(upload, channel):
        trace.sent_bytes += len(piece)
        window = before + piece
        search = partial(find_in_piece, window, redactor, trace.sent_bytes)
        if guess := await WORKERS.run(organization, len(window), search):
            raise await in_database(partial(refuse, what=BROKEN_OFF), admitted, guess)
        before = window[-CONTEXT_BYTES:]
        channel.has_sent = True
        yield piece


async def _slices(upload: Upload, channel: StreamingChannel) -> AsyncIterator[bytes]:
    while (piece := await _next(upload, channel)) is not None:
        for start in range(0, len(piece), SLICE_BYTES):
            yield piece[start : start + SLICE_BYTES]


async def _next(upload: Upload, channel: StreamingChannel) -> bytes | None:
    """Return the next piece; None at the end.

    Raises:
        RequestTimedOut: the caller sends nothing.
    """
    try:
        async with asyncio.timeout(channel.deadlines.idle):
            return await anext(upload.pieces, None)
    except TimeoutError:
        raise RequestTimedOut("The rest of the body did not arrive in time. Send it again.") from None
