"""The layout of the graph of a secret: the secret, connections and connectors, integrations, and hosts.

There are two drawings of the same paths: columns beside one another, and for narrow screens a tree. Units are those of
the SVG's view box. Boxes never overlap.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

TOP, BOX_HEIGHT, GAP = 28, 52, 14
STEP = BOX_HEIGHT + GAP
SECRET, SHARED, INTEGRATION, HOST = range(4)
ALL_COLUMNS = {SECRET: (0, 216), SHARED: (268, 220), INTEGRATION: (540, 288), HOST: (880, 281)}
THREE_COLUMNS = {SECRET: (0, 220), INTEGRATION: (330, 330), HOST: (770, 310)}
"""Left side and width of each column, with and without connections and connectors."""
TREE_WIDTH, INDENT = 340, 18

Path = tuple[Hashable | None, Hashable | None, Hashable | None]
"""The connection or connector, the integration, and the host of a use; None for what it does not have."""
Key = tuple[int, Hashable | None]
"""A node: its column, and what it stands for."""


@dataclass(frozen=True, slots=True)
class Box:
    """The position of a node: its upper left corner and its width."""

    key: Key
    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from a box to another, as an SVG path."""

    source: Key
    target: Key
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The positions of all nodes, the secret first, and of all edges."""

    boxes: list[Box]
    edges: list[Edge]
    width: int
    height: int
    columns: Mapping[int, tuple[int, int]]


def in_columns(paths: Iterable[Path]) -> Drawing:
    """Lay out the columns: what is used by several stands as close as possible to the middle of its users."""
    chains = _chains(paths)
    rows = _rows(chains)
    columns = ALL_COLUMNS if any(column == SHARED for column, _ in rows) else THREE_COLUMNS
    boxes = {box.key: box for column in columns for box in _column(column, rows, columns[column])}
    bottom = max([box.y + BOX_HEIGHT for box in boxes.values()], default=TOP + BOX_HEIGHT)
    root = Box((SECRET, None), *_at(columns[SECRET], TOP + (bottom - TOP - BOX_HEIGHT) // 2))
    boxes = {root.key: root, **boxes}
    links = dict.fromkeys(pair for chain in chains for pair in pairwise(chain))
    edges = [Edge(one, other, _curve(boxes[one], boxes[other])) for one, other in links]
    return Drawing(list(boxes.values()), edges, sum(columns[HOST]), bottom + GAP, columns)


def _rows(chains: Sequence[Sequence[Key]]) -> dict[Key, list[int]]:
    """Return the rows of each node: one for each integration, and for another node those of what it is used by."""
    leaves = dict.fromkeys(_leaf(chain) for chain in chains)
    rows = {leaf: [row] for row, leaf in enumerate(leaves)}
    for chain in chains:
        for node in chain[1:]:
            if node not in leaves:
                rows.setdefault(node, []).extend(rows[_leaf(chain)])
    return rows


def as_tree(paths: Iterable[Path]) -> Drawing:
    """Lay out the tree: each node below what leads to it, so that a node with two parents stands there twice."""
    root = Box((SECRET, None), 0, 2, TREE_WIDTH)
    boxes, edges, y = [root], [], 2
    last: list[Box] = [root]
    for chain in _chains(paths):
        same = next((n for n, node in enumerate(chain) if n >= len(last) or last[n].key != node), len(chain))
        del last[same:]
        for depth, node in enumerate(chain[same:], start=same):
            y += STEP
            box = Box(node, depth * INDENT, y, TREE_WIDTH - depth * INDENT)
            edges.append(Edge(last[-1].key, node, _elbow(last[-1], box)))
            boxes.append(box)
            last.append(box)
    return Drawing(boxes, edges, TREE_WIDTH, y + BOX_HEIGHT + 2, {})


def _chains(paths: Iterable[Path]) -> list[list[Key]]:
    """Return the nodes of each path from the secret on; paths through the same connection follow one another."""
    through: dict[Key, list[list[Key]]] = defaultdict(list)
    for path in dict.fromkeys(paths):
        nodes = [(column, key) for column, key in zip((SHARED, INTEGRATION, HOST), path, strict=True) if key]
        chain: list[Key] = [(SECRET, None), *nodes]
        through[chain[min(1, len(nodes))]].append(chain)
    return [chain for chains in through.values() for chain in chains]


def _leaf(chain: Sequence[Key]) -> Key:
    """Return the node that takes a row of its own: the last one before the host."""
    return next(node for node in reversed(chain) if node[0] != HOST)


def _column(column: int, rows: Mapping[Key, Sequence[int]], place: tuple[int, int]) -> list[Box]:
    """Return the boxes of a column, each in the middle of its rows or as close below it as possible."""
    here = [(key, numbers) for key, numbers in rows.items() if key[0] == column]
    middles = [(sum(numbers) * STEP // len(numbers), order, key) for order, (key, numbers) in enumerate(here)]
    boxes: list[Box] = []
    for y, _, key in sorted(middles, key=lambda entry: entry[:2]):
        lowest = boxes[-1].y + STEP if boxes else TOP
        boxes.append(Box(key, *_at(place, max(lowest, TOP + y))))
    return boxes


def _at(place: tuple[int, int], y: int) -> tuple[int, int, int]:
    return place[0], y, place[1]


def _curve(source: Box, target: Box) -> str:
    """Return a curve from the right side of a box to the left side of another."""
    start, end = source.x + source.width, target.x
    bend = (start + end) // 2
    y1, y2 = source.y + BOX_HEIGHT // 2, target.y + BOX_HEIGHT // 2
    return f"M{start} {y1} C{bend} {y1} {bend} {y2} {end} {y2}"


def _elbow(source: Box, target: Box) -> str:
    """Return a line down from the lower side of a box and to the left side of another."""
    x = source.x + INDENT // 2
    return f"M{x} {source.y + BOX_HEIGHT} V{target.y + BOX_HEIGHT // 2} H{target.x}"
