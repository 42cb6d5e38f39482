"""Masking what arrives in slices, on the event loop.

Masking holds the interpreter's lock for nearly all of its time, so a thread would gain nothing: it would only wait for
its turn behind other streams. Between slices everybody else has a turn.
"""

import asyncio

from secrets_app.redaction.streams import StreamMask

SLICE_BYTES = 48 * 1024
"""Bytes that are masked in one go: in less than a millisecond; in sixteen, if they are as hostile as bytes can be."""


async def fed(mask: StreamMask, piece: bytes) -> bytes:
    """Return what may go on once a piece of any size has come.

    Raises:
        StreamWithheld: as `StreamMask.feed`.
    """
    if len(piece) <= SLICE_BYTES:
        return mask.feed(piece)
    masked, whole = [], memoryview(piece)  # whose slices are no copies
    for at in range(0, len(piece), SLICE_BYTES):
        masked.append(mask.feed(whole[at : at + SLICE_BYTES]))
        await asyncio.sleep(0)
    return b"".join(masked)
