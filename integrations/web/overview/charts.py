"""Charts as SVG: only shapes, with presentation attributes and classes. Every word stands beside them as HTML.

The content policy allows no inline style, which chart libraries write (docs/decisions/0013-charts.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.common.environments import Environment
from accounts.common.when import in_milliseconds
from integrations.figures.figures import Figures, FigureSlot
from integrations.models import Span

WIDTH, HEIGHT, LOW, MIDDLE = 960, 200, 40, 96
FILLED = 0.72
"""How much of its slot a bar takes."""
SHADES = {Environment.PRODUCTION: "p1", Environment.STAGING: "p2", Environment.DEVELOPMENT: "p3"}
"""The class of each environment, in the order in which they are stacked."""
ROUND = (1, 2, 5, 10)
LABELLED = {"24h": 4, "7d": 1, "30d": 7}
"""Of how many slots one has its name below the chart."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar, in the units of the drawing."""

    look: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Column:
    """A slot of a chart: its name, its figures for the title and the table, and its bars."""

    label: str
    calls: list[int]
    all: int
    failed: int
    p50: str
    p95: str
    x: str
    width: str
    bars: list[Bar]
    failure: Bar | None


@dataclass(frozen=True, slots=True)
class Charts:
    """The charts of a period.

    Attributes:
        environments: those that are shown, each with its class, in the order in which they are stacked.
        most, most_failed, slowest: the ends of the scales.
    """

    environments: list[tuple[Environment, str]]
    columns: list[Column]
    labels: list[str]
    most: int
    most_failed: int
    slowest: int
    p50: str
    p95: str

    @property
    def middle(self) -> int:
        """The middle of the scale of calls."""
        return self.most // 2

    @property
    def times(self) -> list[str]:
        """The scale of times, from the top."""
        return [in_milliseconds(self.slowest), in_milliseconds(self.slowest // 2), "0"]


def charts_of(found: Figures, environment: Environment | None) -> Charts:
    """Draw the figures of a period."""
    shown = [(each, look) for each, look in SHADES.items() if environment in {None, each}]
    tallies = [slot.all for slot in found.slots]
    p50, p95 = [tally.p50 for tally in tallies], [tally.p95 for tally in tallies]
    most = _round_up(max(tally.calls for tally in tallies), 2)
    most_failed, slowest = (
        max([1, *(tally.failed for tally in tallies)]),
        _round_up(max(filter(None, p95), default=0), 100),
    )
    columns = [_column(found, at, shown, most, most_failed) for at in range(len(found.slots))]
    lines = _line(p50, slowest), _line(p95, slowest)
    return Charts(shown, columns, _labels(found, columns), most, most_failed, slowest, *lines)


def _labels(found: Figures, columns: list[Column]) -> list[str]:
    now = "Now" if found.period.span is Span.HOUR else "Today"
    return [*(column.label for column in columns[: -1 : LABELLED[found.period.key]]), now]


def name_of(moment: datetime, span: Span) -> str:
    """Return the name of a slot: `14:00` for an hour, `20 Nov` for a day, in UTC."""
    return f"{moment:%H:%M}" if span is Span.HOUR else f"{moment.day} {moment:%b}"


def _column(found: Figures, at: int, shown: Iterable[tuple[Environment, str]], most: int, most_failed: int) -> Column:
    slot, width = found.slots[at], WIDTH / len(found.slots)
    x, calls = at * width, [slot.by_environment.get(environment.value, 0) for environment, _ in shown]
    failure = _bar("fail", x, width, 0, slot.all.failed, most_failed, LOW) if slot.all.failed else None
    return Column(
        name_of(slot.starts_at, found.period.span), calls, slot.all.calls, slot.all.failed,
        in_milliseconds(slot.all.p50), in_milliseconds(slot.all.p95), f"{x:.1f}", f"{width:.1f}",
        _stack(slot, x, width, shown, most), failure,
    )  # fmt: skip


def _stack(slot: FigureSlot, x: float, width: float, shown: Iterable[tuple[Environment, str]], most: int) -> list[Bar]:
    bars, below = [], 0
    for environment, look in shown:
        if calls := slot.by_environment.get(environment.value, 0):
            bars.append(_bar(look, x, width, below, calls, most, HEIGHT))
            below += calls
    return bars


def _bar(look: str, x: float, width: float, below: int, number: int, most: int, height: int) -> Bar:
    top, tall = height - (below + number) / most * height, number / most * height
    return Bar(look, f"{x + width * (1 - FILLED) / 2:.1f}", f"{top:.1f}", f"{width * FILLED:.1f}", f"{tall:.1f}")


def _line(milliseconds: Sequence[int | None], most: int) -> str:
    """Return the path of a line, broken where there was no call."""
    step, parts, is_broken = WIDTH / max(1, len(milliseconds) - 1), [], True
    for at, value in enumerate(milliseconds):
        if value is not None:
            parts.append(f"{'M' if is_broken else 'L'}{at * step:.1f} {MIDDLE - value / most * MIDDLE:.1f}")
            parts += ["h0.1"] if is_broken else []
        is_broken = value is None
    return " ".join(parts)


def _round_up(number: int, least: int) -> int:
    """Return the next number that a scale may end with: 1, 2 or 5 times a power of ten."""
    wanted = max(number, least)
    power = 10 ** (len(str(wanted)) - 1)
    return next(power * one for one in ROUND if power * one >= wanted)
