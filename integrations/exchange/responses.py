"""What an upstream answered, before it is masked."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """What the upstream answered, not yet masked. Show nothing of it before that.

    All of it is bytes: decoding could change a value so that the masking misses it. `body` is decompressed. It is empty
    when `readable` is False: then it came in an encoding that cannot be checked. `status` is that of HTTP, None for
    other protocols; there `succeeded` says what it would say.
    """

    status: int | None
    reason: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)
    readable: bool
    succeeded: bool | None = field(default=None, repr=False)

    @property
    def is_success(self) -> bool:
        """An HTTP status from 200 to 299 (RFC 9110 section 15.3), or what the protocol said instead."""
        if self.succeeded is not None or self.status is None:
            return bool(self.succeeded)
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110
