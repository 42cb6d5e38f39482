"""The layout of the graph of a secret: the secret, its integrations and their hosts, in three columns.

Units are those of the SVG's view box. Boxes of a column never overlap, every host is placed as close as possible to the
middle of its integrations, and edges run only between columns.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

TOP, BOX_HEIGHT, GAP = 28, 52, 14
COLUMNS = (0, 330, 770)
WIDTHS = (220, 330, 310)
WIDTH = COLUMNS[2] + WIDTHS[2]
STEP = BOX_HEIGHT + GAP


@dataclass(frozen=True, slots=True)
class Box:
    """The position of a node: its upper left corner."""

    key: Hashable
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A curve from the right side of a box to the left side of another, as an SVG path."""

    source: Hashable
    target: Hashable
    path: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The positions of all nodes and edges. `root_edges` have None as source."""

    root: Box
    integrations: list[Box]
    hosts: list[Box]
    root_edges: list[Edge]
    host_edges: list[Edge]
    height: int


def layout(links: Iterable[tuple[Hashable, Hashable | None]]) -> Graph:
    """Compute the positions.

    Args:
        links: pairs of integration and host in the order of the column; the host is None if there is none yet.
    """
    pairs = list(dict.fromkeys(links))
    names = list(dict.fromkeys(integration for integration, _ in pairs))
    integrations = _column(names, COLUMNS[1], [index * STEP for index in range(len(names))])
    places = {box.key: box for box in integrations}
    with_host = [(places[integration], host) for integration, host in pairs if host is not None]
    hosts = _hosts(with_host)
    hosted = {box.key: box for box in hosts}
    bottom = max([box.y + BOX_HEIGHT for box in [*integrations, *hosts]], default=TOP + BOX_HEIGHT)
    root = Box(None, COLUMNS[0], TOP + (bottom - TOP - BOX_HEIGHT) // 2)
    return Graph(
        root=root,
        integrations=integrations,
        hosts=hosts,
        root_edges=[_edge(root, box, 0) for box in integrations],
        host_edges=[_edge(box, hosted[host], 1) for box, host in with_host],
        height=bottom + GAP,
    )


def _column(keys: Sequence[Hashable], x: int, wanted: Sequence[int]) -> list[Box]:
    """Return boxes below one another, each at the wanted height or as close below it as possible.

    Args:
        wanted: heights relative to `TOP`.
    """
    boxes: list[Box] = []
    for key, y in zip(keys, wanted, strict=True):
        lowest = boxes[-1].y + STEP if boxes else TOP
        boxes.append(Box(key, x, max(lowest, TOP + y)))
    return boxes


def _hosts(with_host: Sequence[tuple[Box, Hashable]]) -> list[Box]:
    middles: dict[Hashable, list[int]] = {}
    for box, host in with_host:
        middles.setdefault(host, []).append(box.y - TOP)
    wanted = sorted((sum(ys) // len(ys), number, host) for number, (host, ys) in enumerate(middles.items()))
    return _column([host for _, _, host in wanted], COLUMNS[2], [y for y, _, _ in wanted])


def _edge(source: Box, target: Box, column: int) -> Edge:
    start, end = source.x + WIDTHS[column], target.x
    bend = (start + end) // 2
    y1, y2 = source.y + BOX_HEIGHT // 2, target.y + BOX_HEIGHT // 2
    return Edge(source.key, target.key, f"M{start} {y1} C{bend} {y1} {bend} {y2} {end} {y2}")
