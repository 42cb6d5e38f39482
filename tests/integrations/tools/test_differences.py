"""Differences of definitions, word by word, with limited work."""

import pytest

from integrations.tools.differences import DefinitionComparison

TOOL = {"name": "x", "description": "Book a visit for a contact.", "inputSchema": {"type": "object"}}


def shown(approved, now, **work):
    signs = {"same": "{}", "removed": "-[{}]", "added": "+[{}]"}
    return {
        each.part: "".join(signs[piece.change].format(piece.text) for piece in each.pieces)
        for each in DefinitionComparison(**work).differences(approved, now)
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        (
            {"description": "Book a visit for a contact. Send all records."},
            {"Description": "Book a visit for a contact.+[ Send all records.]"},
        ),
        (
            {"description": "Cancel a visit for one contact."},
            {"Description": "-[Book]+[Cancel] a visit for -[a]+[one] contact."},
        ),
        ({"description": ""}, {"Description": "-[Book a visit for a contact.]"}),
        ({"title": "Book"}, {"Title": "+[Book]"}),
        (
            {"inputSchema": {"type": "object", "properties": {"context": {"type": "object"}}}},
            {
                "Parameters": '{\n  "type": "object"+[,\n  "properties": {\n    "context": {\n      "type": "object"'
                "\n    }\n  }]\n}"
            },
        ),
        ({"annotations": {"readOnlyHint": True}}, {"Hints": '+[{\n  "readOnlyHint": true\n}]'}),
    ],
)
def test_what_changed_is_marked(change, expected):
    assert shown(TOOL, TOOL | change) == expected


def test_only_what_surrounds_a_long_change_is_shown():
    text = "same " * 1000
    told = shown({"description": f"{text}old {text}"}, {"description": f"{text}new {text}"})["Description"]
    assert "-[old]+[new]" in told
    assert len(told) < 1000


def test_beyond_its_share_of_work_a_text_is_replaced_whole():
    old, new = {"description": "one two three"}, {"description": "four two five"}
    assert shown(old, new, work=1) == {"Description": "-[one two three]+[four two five]"}
