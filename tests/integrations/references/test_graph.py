"""The drawings of where one secret goes: nothing overlaps, everything is connected, whatever the number."""

import re

import pytest

from integrations.references.graph import (
    ALL_COLUMNS,
    BOX_HEIGHT,
    GAP,
    HOST,
    INTEGRATION,
    SECRET,
    SHARED,
    THREE_COLUMNS,
    TREE_WIDTH,
    as_tree,
    in_columns,
)

ROOT = (SECRET, None)
SHAPES = {
    "nothing": [],
    "one": [(None, "a", "h")],
    "leads nowhere": [(None, "a", None)],
    "all to one host": [(None, f"a{n}", "h") for n in range(50)],
    "each to its own": [(None, f"a{n}", f"h{n}") for n in range(50)],
    "few hosts": [(None, f"a{n}", f"h{n % 3}") for n in range(50)],
    "one to many": [(None, "a", f"h{n}") for n in range(50)],
    "crossing": [(None, f"a{n}", f"h{49 - n}") for n in range(50)],
    "some nowhere": [(None, f"a{n}", f"h{n % 7}" if n % 2 else None) for n in range(50)],
    "through a connection": [("c", f"a{n}", "h") for n in range(50)],
    "through three, and directly": [(f"c{n % 3}" if n % 4 else None, f"a{n}", f"h{n % 5}") for n in range(50)],
    "a connection that nothing uses": [("c", None, "h"), (None, "a", "h")],
    "directly and through a connection": [("c", "a", "h"), (None, "a", "h")],
}


def names(path):
    """The nodes of a path from the secret on."""
    return [ROOT, *((column, key) for column, key in zip((SHARED, INTEGRATION, HOST), path, strict=True) if key)]


def overlaps(drawing):
    found = [(box.x, box.y, box.x + box.width, box.y + BOX_HEIGHT) for box in drawing.boxes]
    return [
        (one, other)
        for number, one in enumerate(found)
        for other in found[number + 1 :]
        if not (one[2] <= other[0] or other[2] <= one[0] or one[3] + GAP <= other[1] or other[3] + GAP <= one[1])
    ]


@pytest.mark.parametrize("paths", SHAPES.values(), ids=SHAPES)
def test_no_two_boxes_overlap_and_all_are_inside(paths):
    for drawing in (in_columns(paths), as_tree(paths)):
        assert overlaps(drawing) == []
        assert all(box.y >= 0 and box.y + BOX_HEIGHT <= drawing.height for box in drawing.boxes)
        assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in drawing.boxes)


@pytest.mark.parametrize("paths", SHAPES.values(), ids=SHAPES)
def test_every_link_is_an_edge_and_nothing_else_is(paths):
    links = {pair for path in paths for pair in zip(names(path), names(path)[1:], strict=False)}
    wide, narrow = in_columns([*paths, *paths]), as_tree([*paths, *paths])
    assert len(wide.edges) == len(links)
    assert {(edge.source, edge.target) for edge in wide.edges} == links
    assert {(edge.source, edge.target) for edge in narrow.edges} == links
    assert {box.key for box in wide.boxes} == {ROOT, *(node for path in paths for node in names(path))}


def test_edges_stay_between_the_columns():
    columns = {"crossing": THREE_COLUMNS, "through three, and directly": ALL_COLUMNS}
    for shape, places in columns.items():
        for edge in in_columns(SHAPES[shape]).edges:
            xs = [int(x) for x in re.findall(r"[MC ](\d+) \d+", edge.path)]
            (left, width), (right, _) = places[edge.source[0]], places[edge.target[0]]
            assert (min(xs), max(xs)) == (left + width, right)


def test_what_several_use_stands_in_their_middle():
    drawing = in_columns(SHAPES["through a connection"])
    rows = [box.y for box in drawing.boxes if box.key[0] == INTEGRATION]
    others = [box.y for box in drawing.boxes if box.key[0] != INTEGRATION]
    assert [abs(y - (rows[0] + rows[-1]) // 2) <= 1 for y in others] == [True] * 3


def test_tree_fits_a_narrow_screen():
    drawing = as_tree(SHAPES["through three, and directly"])
    assert drawing.width == TREE_WIDTH
    assert min(box.width for box in drawing.boxes) >= TREE_WIDTH - 60
