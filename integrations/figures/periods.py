"""The periods that figures are shown for: the last 24 hours by hour, the last 7 and 30 days by day of UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.figures.counting import DAY, HOUR, day_of, hour_of
from integrations.models import Span


@dataclass(frozen=True, slots=True)
class Period:
    """A period of equal slots up to now, the last of which is not over.

    Attributes:
        key: as addresses name it.
        label: on the button.
        words: the period in a sentence.
        before: the period of the same length before it, in words.
    """

    key: str
    label: str
    words: str
    before: str
    span: Span
    slots: int

    @property
    def step(self) -> timedelta:
        """The length of a slot."""
        return HOUR if self.span is Span.HOUR else DAY

    def starts(self, now: datetime) -> list[datetime]:
        """Return the beginnings of its slots, the oldest first."""
        last = hour_of(now) if self.span is Span.HOUR else day_of(now)
        return [last - self.step * back for back in reversed(range(self.slots))]


PERIODS = {
    period.key: period
    for period in (
        Period("24h", "24 h", "the last 24 hours", "the 24 hours before", Span.HOUR, 24),
        Period("7d", "7 d", "the last 7 days", "the 7 days before", Span.DAY, 7),
        Period("30d", "30 d", "the last 30 days", "the 30 days before", Span.DAY, 30),
    )
}
