"""The five figures at the top of the overview, each beside that of the period before."""

from dataclasses import dataclass

from accounts.common.when import NOTHING, in_milliseconds
from integrations.figures.figures import Figures

GOOD_PERCENT, BAD_PERCENT = 99, 95
SAME = 0.05
"""A time that differs by less than the width of its class allows is the same."""


@dataclass(frozen=True, slots=True)
class Beside:
    """How a figure differs from that of the period before.

    Attributes:
        look: `better`, `worse`, or empty for neither.
        rises: whether the figure rose.
        by: how much; empty if nothing changed, or there is nothing to compare with.
        words: the rest of the sentence.
    """

    words: str
    by: str = ""
    rises: bool = True
    look: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its unit, how bad it is (`warn`, `bad` or nothing), and how it changed."""

    title: str
    figure: str
    unit: str
    look: str
    change: Beside


def tiles_of(found: Figures, names: dict[str, str]) -> list[Tile]:
    """Return the tiles of a period.

    Args:
        names: the names of integrations by id, as far as they are known.
    """
    share, all_calls = found.all.succeeded_percent, found.all
    return [
        Tile("Calls", f"{all_calls.calls:,}", "", "", _calls(found)),
        Tile("Success rate", NOTHING if share is None else _percent(share), "%" if share is not None else "",
             _look(share), _rate(found)),
        Tile("Failed", f"{all_calls.failed:,}", "", "bad" if all_calls.failed else "", _failures(found, names)),
        _time("Typical time", "p50", all_calls.p50, found.before.p50, found),
        _time("Slow end", "p95", all_calls.p95, found.before.p95, found),
    ]  # fmt: skip


def _percent(share: float) -> str:
    """Return a percentage that is 100 only if nothing failed."""
    return "100" if share == 100 else f"{min(share, 99.99):.2f}"  # noqa: PLR2004 - percent


def _look(share: float | None) -> str:
    if share is None or share >= GOOD_PERCENT:
        return ""
    return "warn" if share >= BAD_PERCENT else "bad"


def _nothing_before(found: Figures) -> Beside:
    return Beside(f"No calls in {found.period.before}")


def _calls(found: Figures) -> Beside:
    if not found.before.calls:
        return _nothing_before(found)
    expected = found.before.calls * found.elapsed
    by = 100 * (found.all.calls - expected) / expected
    if abs(by) < 1:
        return Beside(f"As in {found.period.before}")
    return Beside(f"{'more' if by > 0 else 'less'} than in {found.period.before}", f"{abs(by):,.0f} %", by > 0)


def _rate(found: Figures) -> Beside:
    now, before = found.all.succeeded_percent, found.before.succeeded_percent
    if now is None or before is None:
        return _nothing_before(found) if before is None else Beside("No calls")
    by = now - before
    if abs(by) < 0.1:  # noqa: PLR2004 - a tenth of a percent
        return Beside("No change")
    rises = by > 0
    return Beside("better" if rises else "worse", f"{abs(by):.1f} points", rises, "better" if rises else "worse")


def _failures(found: Figures, names: dict[str, str]) -> Beside:
    if not found.all.failed:
        return Beside("Nothing failed")
    worst = max(found.by_integration, key=lambda one: found.by_integration[one].failed)
    return Beside(f"{found.by_integration[worst].failed:,} of them: {names.get(str(worst), 'a deleted integration')}")


def _time(title: str, unit: str, now: int | None, before: int | None, found: Figures) -> Tile:
    figure, _, measure = in_milliseconds(now).partition(" ")
    return Tile(title, figure, f"{measure}, {unit}" if measure else unit, "", _pace(now, before, found))


def _pace(now: int | None, before: int | None, found: Figures) -> Beside:
    if now is None or before is None:
        return _nothing_before(found) if before is None else Beside("No calls")
    by = now - before
    if abs(by) <= SAME * before:
        return Beside("No change")
    return Beside("slower" if by > 0 else "faster", in_milliseconds(abs(by)), by > 0, "worse" if by > 0 else "better")
