"""The graph of one secret: nothing overlaps, everything is connected, whatever the number."""

import pytest

from integrations.references.graph import BOX_HEIGHT, COLUMNS, GAP, TOP, WIDTHS, layout

SHAPES = {
    "nothing": [],
    "one": [("a", "h")],
    "leads nowhere": [("a", None)],
    "all to one host": [(f"a{n}", "h") for n in range(50)],
    "each to its own": [(f"a{n}", f"h{n}") for n in range(50)],
    "few hosts": [(f"a{n}", f"h{n % 3}") for n in range(50)],
    "one to many": [("a", f"h{n}") for n in range(50)],
    "crossing": [(f"a{n}", f"h{49 - n}") for n in range(50)],
    "some nowhere": [(f"a{n}", f"h{n % 7}" if n % 2 else None) for n in range(50)],
}


def boxes(graph):
    columns = ([graph.root], graph.integrations, graph.hosts)
    return [
        (box.x, box.y, box.x + width, box.y + BOX_HEIGHT)
        for column, width in zip(columns, WIDTHS, strict=True)
        for box in column
    ]


@pytest.mark.parametrize("links", SHAPES.values(), ids=SHAPES)
def test_no_two_boxes_overlap_and_all_are_inside(links):
    graph = layout(links)
    found = boxes(graph)
    for number, (left, top, right, bottom) in enumerate(found):
        assert top >= TOP
        assert bottom <= graph.height
        for other in found[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom + GAP <= other[1] or other[3] + GAP <= top


@pytest.mark.parametrize("links", SHAPES.values(), ids=SHAPES)
def test_every_link_is_an_edge_and_nothing_else_is(links):
    graph = layout([*links, *links])
    assert [edge.target for edge in graph.root_edges] == list(dict.fromkeys(one for one, _ in links))
    assert [(edge.source, edge.target) for edge in graph.host_edges] == [pair for pair in links if pair[1]]
    assert len(graph.hosts) == len({host for _, host in links if host})


def test_edges_stay_between_the_columns():
    graph = layout(SHAPES["crossing"])
    for edges, column in ((graph.root_edges, 0), (graph.host_edges, 1)):
        for edge in edges:
            xs = [int(part.lstrip("MC")) for part in edge.path.split()[::2]]
            assert min(xs) == COLUMNS[column] + WIDTHS[column]
            assert max(xs) == COLUMNS[column + 1]


def test_host_stands_in_the_middle_of_its_integrations():
    graph = layout(SHAPES["all to one host"])
    first, last = graph.integrations[0].y, graph.integrations[-1].y
    assert abs(graph.hosts[0].y - (first + last) // 2) <= 1
    assert abs(graph.root.y - (first + last) // 2) <= 1
