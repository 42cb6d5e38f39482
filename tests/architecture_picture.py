"""Draws the apps, their rooms and who imports whom: `make picture`.

usage: python -m tests.architecture_picture

Apps stand one below the other. Within an app a room stands to the left of the rooms that it imports. An arrow that
follows from other arrows of the same app is left out: `web` imports `models` as well, but through what it imports
anyway. The file holds text alone, without fonts and scripts; `tests/test_architecture_picture.py` compares it with
what this module draws.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from tests.support.layers import PURE, interfaces, room_of, rooms
from tests.support.source import APPS, ROOT, imports, modules

PICTURE = ROOT / "docs/pictures/architecture.svg"
TAGLINES = {
    "config": "puts the apps together and serves them",
    "integrations": "what uses secrets, and the broker that makes the calls",
    "secrets_app": "secrets and their sealed values",
    "accounts": "who is asking, and what they may do",
}
WIDTH, MARGIN, LANE = 1280, 12, 96
HEADER, ROW, BEND, BOX, GAP = 48, 34, 17, 25, 42
SIDE, INDENT = 8, 18
LETTERS = {**dict.fromkeys("mw", 11.0), **dict.fromkeys("ijltfr", 4.6)}
LETTER = 7.0
"""Widths in the sans-serif fonts that readers have, rounded up."""
SWEEPS = 24
STYLE = """
svg { font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.paper { fill: #ffffff } .app { fill: #f6f7f9; stroke: #d9dde3 } .title { font-weight: 650; font-size: 15px }
text { fill: #1c2430 } .soft, .tagline { fill: #5b6675 } .tagline { font-weight: 400; font-size: 12.5px }
.room { fill: #ffffff; stroke: #b7bfca } .pure { fill: #eef2ff; stroke: #98a5e0 }
.interface { fill: #0f766e; stroke: #0f766e }
.on { fill: #ffffff } .arrow { fill: none; stroke: #8791a0; stroke-linecap: round } .tip { fill: #8791a0 }
.between { fill: none; stroke: #0f766e; stroke-linejoin: round } .point { fill: #0f766e }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0f141b } .app { fill: #171d26; stroke: #2c3542 } text { fill: #e6eaf0 }
  .soft, .tagline { fill: #9aa5b4 }
  .room { fill: #222b37; stroke: #465263 } .pure { fill: #26304f; stroke: #56649f }
  .interface { fill: #115e56; stroke: #1b8277 } .on { fill: #f2fbfa } .arrow { stroke: #6d7989 } .tip { fill: #6d7989 }
  .between { stroke: #2dab9c } .point { fill: #2dab9c }
}
"""

Edges = dict[tuple[str, str], int]


@dataclass(slots=True)
class Place:
    """Where a room stands; a place without a name is a bend of an arrow that passes this column."""

    name: str
    column: int
    x: float = 0
    y: float = 0
    right: list["Place"] = field(default_factory=list)
    left: list["Place"] = field(default_factory=list)

    @property
    def width(self) -> float:
        return sum(LETTERS.get(letter, LETTER) for letter in self.name) + 2 * SIDE if self.name else 0


def importers() -> Edges:
    """How many modules of one room import another room: by both, as `app/room`."""
    known = {f"{app}/{room}" for app in APPS for room in rooms(app)}
    found: Counter[tuple[str, str]] = Counter()
    for path in modules():
        room = room_of(path)
        imported = {"/".join(name.split(".")[:2]) for name in imports(path)}
        found.update((room, other) for other in imported & known if other != room and room in known)
    return found


def inside(app: str, edges: Edges) -> dict[str, set[str]]:
    """For each room of an app the rooms that it imports, without those that follow from others."""
    direct: dict[str, set[str]] = {room: set() for room in rooms(app)}
    for importer, imported in edges:
        if importer.startswith(f"{app}/") and imported.startswith(f"{app}/"):
            direct[importer.partition("/")[2]].add(imported.partition("/")[2])
    reached: dict[str, set[str]] = {}
    for room in rooms(app):
        reached[room] = direct[room].union(*(reached[other] for other in direct[room]))
    return {
        room: {name for name in direct[room] if not any(name in reached[other] for other in direct[room])}
        for room in rooms(app)
    }


def columns_of(app: str, arrows: dict[str, set[str]]) -> dict[str, int]:
    """The column of each room, counted from the right; interfaces stand to the left of everything else."""
    columns: dict[str, int] = {}
    outer = interfaces(app)
    for room in rooms(app):
        inner = [columns[name] for name in columns if name not in outer]
        lowest = max(inner, default=-1) + 1 if room in outer and inner else 0
        columns[room] = max([lowest, *(columns[name] + 1 for name in arrows[room])])
    return columns


def places(app: str, arrows: dict[str, set[str]]) -> list[list[Place]]:
    """The columns of an app from left to right, joined by arrows, each with the rooms and bends in it."""
    numbers = columns_of(app, arrows)
    last = max(numbers.values())
    found: list[list[Place]] = [[] for _ in range(last + 1)]
    at = {room: Place(room, last - numbers[room]) for room in rooms(app)}
    for place in at.values():
        found[place.column].append(place)
    for room in rooms(app):
        for name in sorted(arrows[room]):
            _join(at[room], at[name], found)
    return found


def _join(start: Place, end: Place, columns: list[list[Place]]) -> None:
    here = start
    for column in range(start.column + 1, end.column + 1):
        there = end if column == end.column else Place("", column)
        if there is not end:
            columns[column].append(there)
        here.right.append(there)
        there.left.append(here)
        here = there


def arrange(columns: list[list[Place]]) -> float:
    """Order each column so that arrows cross seldom, then give every place its coordinates; the lowest edge."""
    for sweep in range(SWEEPS):
        towards_right = sweep % 2 == 0
        for column in columns if towards_right else reversed(columns):
            _order(column, towards_right=towards_right)
    for column in columns:
        _spread(column, [place.y * ROW for place in column])
    for _ in range(SWEEPS):
        for column in columns:
            _spread(column, [_mean_height(place) for place in column])
    tops = [place.y - _half(place) for column in columns for place in column]
    for place in (place for column in columns for place in column):
        place.y += HEADER - min(tops)
    _set_columns(columns)
    return max(place.y + _half(place) for column in columns for place in column)


def _set_columns(columns: list[list[Place]]) -> None:
    widths = [max(place.width for place in column) for column in columns]
    free = WIDTH - 2 * MARGIN - LANE - 2 * INDENT - sum(widths)
    x = MARGIN + INDENT
    for column, width in zip(columns, widths, strict=True):
        for place in column:
            place.x = x + width / 2
        x += width + free / max(len(columns) - 1, 1)


def _order(column: list[Place], *, towards_right: bool) -> None:
    def middle(place: Place) -> float:
        beside = place.left if towards_right else place.right
        return sum(other.y for other in beside) / len(beside) if beside else place.y

    column.sort(key=middle)
    for index, place in enumerate(column):
        place.y = index - len(column) / 2


def _mean_height(place: Place) -> float:
    beside = [*place.left, *place.right]
    return sum(other.y for other in beside) / len(beside) if beside else place.y


def _half(place: Place) -> float:
    return (ROW if place.name else BEND) / 2


def _spread(column: list[Place], wanted: list[float]) -> None:
    """Put each place as near to its wanted height as the others in the column allow, in their order.

    Places that would overlap form a block, whose common offset is the mean of what its places want.
    """
    blocks: list[tuple[float, int]] = []
    below, offsets = 0.0, []
    for place, height in zip(column, wanted, strict=True):
        offsets.append(below + _half(place))
        below += 2 * _half(place)
        mean, size = height - offsets[-1], 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, size = (mean * size + other * others) / (size + others), size + others
        blocks.append((mean, size))
    shifts = (mean for mean, size in blocks for _ in range(size))
    for place, offset, shift in zip(column, offsets, shifts, strict=True):
        place.y = offset + shift


def draw() -> str:
    """The picture as SVG."""
    edges = importers()
    parts: list[str] = []
    tops: dict[str, tuple[float, float]] = {}
    y = MARGIN
    for app in reversed(APPS):
        columns = places(app, inside(app, edges))
        height = round(arrange(columns)) + 12
        tops[app] = (y, y + height)
        parts += [f'<g transform="translate(0 {y:g})">', *_app(app, columns, height, edges), "</g>"]
        y += height + GAP
    parts += _between(tops, edges)
    height = y - GAP + 40
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{LABEL}">'
    paper = f'<rect class="paper" width="{WIDTH}" height="{height:g}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *parts, *_legend(height - 13), "</svg>", ""])


LABEL = "The four apps of Coffer, their rooms, and which room imports which"


def _app(app: str, columns: list[list[Place]], height: float, edges: Edges) -> Iterator[str]:
    width = WIDTH - 2 * MARGIN - LANE
    yield f'<rect class="app" x="{MARGIN}" y="0" width="{width}" height="{height:g}" rx="10"/>'
    yield f'<text class="title" x="{MARGIN + INDENT}" y="28">{app}/'
    yield f'<tspan class="tagline" dx="10">{escape(TAGLINES[app])}</tspan></text>'
    named = [place for column in columns for place in column if place.name]
    for place in named:
        for first in place.right:
            yield _arrow(app, _bends(place, first), edges)
    for place in named:
        yield _room(app, place)


def _bends(start: Place, first: Place) -> list[Place]:
    """The places along one arrow, from the room that imports to the room that is imported."""
    along = [start, first]
    while not along[-1].name:
        along.append(along[-1].right[0])
    return along


def _arrow(app: str, along: list[Place], edges: Edges) -> str:
    thickness = 1 + min(edges[f"{app}/{along[0].name}", f"{app}/{along[-1].name}"], 16) / 8
    x, y = along[0].x + along[0].width / 2, along[0].y
    line = f"M{x:.1f} {y:.1f}"
    for place in along[1:]:
        to = place.x - place.width / 2 - (6 if place.name else 0)
        half = (to - x) / 2
        line += f"C{x + half:.1f} {y:.1f} {to - half:.1f} {place.y:.1f} {to:.1f} {place.y:.1f}"
        x, y = to, place.y
    tip = f'<path class="tip" d="M{x + 6:.1f} {y:.1f}l-7 -4v8z"/>'
    return f'<path class="arrow" stroke-width="{thickness:.2f}" d="{line}"/>{tip}'


def _room(app: str, place: Place) -> str:
    kind = "interface" if place.name in interfaces(app) else "pure" if f"{app}/{place.name}" in PURE else "room"
    x, y = place.x - place.width / 2, place.y - BOX / 2
    box = f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{place.width:.1f}" height="{BOX}" rx="5"/>'
    words = "on" if kind == "interface" else "word"
    at = f'x="{place.x:.1f}" y="{place.y + 4.4:.1f}" text-anchor="middle"'
    return f'{box}<text class="{words}" {at}>{place.name}</text>'


def _between(tops: dict[str, tuple[float, float]], edges: Edges) -> Iterator[str]:
    """The arrows between apps: straight down to the next app, beside the apps to the others."""
    totals: Counter[tuple[str, str]] = Counter()
    for (importer, imported), count in edges.items():
        totals[importer.partition("/")[0], imported.partition("/")[0]] += count
    order = list(reversed(APPS))
    for above, below in itertools.pairwise(order):
        yield from _straight(tops[above][1], tops[below][0], totals[above, below])
    longer = [(above, below) for above, below in itertools.combinations(order, 2) if totals[above, below]]
    around = [pair for pair in longer if pair not in itertools.pairwise(order)]
    around.sort(key=lambda pair: tops[pair[1]][0] - tops[pair[0]][1])
    for lane, (above, below) in enumerate(around):
        yield from _around(tops[above][1] - 12 - 14 * lane, tops[below][0] + 16 + 14 * lane, lane, totals[above, below])


def _thickness(count: int) -> float:
    return 1.5 + min(count, 240) / 60


def _straight(top: float, bottom: float, count: int) -> Iterator[str]:
    x = (WIDTH - LANE) / 2
    yield f'<path class="between" stroke-width="{_thickness(count):.2f}" d="M{x:g} {top:g}V{bottom - 9:g}"/>'
    yield f'<path class="point" d="M{x:g} {bottom:g}l-7 -11h14z"/>'
    yield f'<text class="soft" x="{x + 14:g}" y="{(top + bottom) / 2 + 4:g}">{count} imports</text>'


def _around(start: float, end: float, lane: int, count: int) -> Iterator[str]:
    edge = WIDTH - MARGIN - LANE
    x = edge + 22 + lane * 32
    out, back = f"M{edge} {start:g}H{x - 10}Q{x} {start:g} {x} {start + 10:g}", f"Q{x} {end:g} {x - 10} {end:g}"
    line = f"{out}V{end - 10:g}{back}H{edge + 9}"
    yield f'<path class="between" stroke-width="{_thickness(count):.2f}" d="{line}"/>'
    yield f'<path class="point" d="M{edge} {end:g}l11 -7v14z"/>'
    yield (
        f'<text class="soft" text-anchor="middle" transform="translate({x + 10} {(start + end) / 2:g}) rotate(90)">'
        f"{count} imports</text>"
    )


def _legend(y: float) -> Iterator[str]:
    x = MARGIN + 2
    words = {"interface": "interface", "pure": "pure: no Django, no web framework", "room": "other room"}
    for kind, text in words.items():
        yield f'<rect class="{kind}" x="{x}" y="{y - 11:g}" width="22" height="14" rx="3"/>'
        yield f'<text class="soft" x="{x + 30}" y="{y:g}">{text}</text>'
        x += 58 + round(len(text) * 6.2)
    words_of_arrows = "An arrow points to what is imported; the more modules import it, the thicker."
    yield f'<text class="soft" x="{x}" y="{y:g}">{words_of_arrows}</text>'


if __name__ == "__main__":
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw())
