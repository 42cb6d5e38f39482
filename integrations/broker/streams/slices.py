"""Masking what arrives in steps, on the event loop.

Masking holds the interpreter's lock for nearly all of its time, so a thread would gain nothing: it would only wait for
its turn behind other streams. Between steps everybody else has a turn.
"""

import asyncio

from secrets_app.redaction.streams import StreamMask
from secrets_app.redaction.windows import LARGEST_TEXT


async def fed(mask: StreamMask, piece: bytes) -> bytes:
    """Return what may go on once a piece of any size has come.

    Raises:
        StreamWithheld: as `StreamMask.feed`.
    """
    if len(piece) <= LARGEST_TEXT:
        return mask.feed(piece)
    masked = []
    for step in mask.steps(piece):
        masked.append(step)
        await asyncio.sleep(0)
    return b"".join(masked)
