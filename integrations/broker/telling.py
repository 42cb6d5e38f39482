"""Telling whoever waits for a run what arrives, before its answer is whole: text alone, masked while it arrives.

The answer itself stays as it is. What cannot be told is left out here: a stream in which a value could not be cut out,
answers that are no text, and what an action does not pass on.
"""

from codecs import getincrementaldecoder
from collections.abc import Awaitable, Callable

from integrations.broker.channel import RunChannel
from integrations.broker.mask_sets import MASK_SETS
from integrations.broker.preparation import Admitted
from integrations.broker.streams.slices import fed
from integrations.exchange.exchange import Streamable
from integrations.exchange.returns import PassedOn
from secrets_app.redaction.redactor import Redactor
from secrets_app.redaction.streams import StreamMask, StreamWithheld

Tell = Callable[[str], Awaitable[None]]
"""Is given each piece of text."""


class Telling:
    """Tells of the answer of one run."""

    def __init__(self, admitted: Admitted, channel: RunChannel, tell: Tell) -> None:
        self._admitted, self._channel, self._tell = admitted, channel, tell
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._mask: StreamMask | None = None
        exchange = admitted.exchange
        self._is_over = not isinstance(exchange, Streamable) or exchange.returns.passed_on is not PassedOn.EVERYTHING

    async def __call__(self, media_type: str, piece: bytes) -> None:
        """Take a piece of the answer of an upstream, and tell what of it may go on."""
        if self._is_over:
            return
        organization = self._admitted.run.organization_id
        if self._mask is None:
            hosts = {self._admitted.run.host, *self._channel.hosts}
            others = await MASK_SETS.get(organization, hosts, self._admitted.mask_stamp)
            redactor = Redactor(self._admitted.masked, self._channel.composites, others)
            self._mask = StreamMask(redactor, media_type)
        try:
            masked = await fed(self._mask, piece)
        except StreamWithheld:
            self._is_over = True
            return
        if text := self._decoder.decode(masked):
            await self._tell(text)
