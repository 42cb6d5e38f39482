"""The reader of documents: what JSON can hold, with lines, within bounds, and refusals that repeat no value."""

import json

import pytest

from accounts.common.documents import LARGEST, read_document
from accounts.common.fields import write_json
from accounts.common.yaml_events import DEEPEST
from accounts.errors import DocumentUnreadable

CANARY = "cnr-0d5a8f"

YAML = f"""\
# a comment
version: 1
norway: no
on: off
texts: [012, 0x1F, 1_000, 2026-11-20, 12:30, .inf, +49301234, yes, {CANARY}]
numbers: [0, -1, 18.00, 1e3]
constants: [null, ~, true, false, ]
quoted: ["1", 'true', !!str 5]
block: |
  two
  lines
200: ok
shared: &it
  deep: [1, {{a: 2}}]
again: *it
"""
AS_JSON = f"""\
{{
  "version": 1,
  "norway": "no", "on": "off",
  "texts": ["012", "0x1F", "1_000", "2026-11-20", "12:30", ".inf", "+49301234", "yes", "{CANARY}"],
  "numbers": [0, -1, 18.00, 1e3], "constants": [null, null, true, false],
  "quoted": ["1", "true", "5"], "block": "two\\nlines\\n", "200": "ok",
  "shared": {{"deep": [1, {{
     "a": 2}}]}},
  "again"
  : {{"deep": [1, {{"a": 2}}]}}
}}
"""


def refusal_of(text, **bounds):
    with pytest.raises(DocumentUnreadable) as refused:
        read_document(text, **bounds)
    [error] = refused.value.errors
    assert CANARY not in f"{refused.value.detail} {error}"
    return error


def test_yaml_and_json_hold_the_same():
    assert write_json(read_document(YAML).content) == write_json(read_document(AS_JSON).content)
    assert write_json(read_document(YAML).content["numbers"]) == "[0, -1, 18.00, 1e3]"
    assert read_document(("\ufeff" + YAML).encode()).content == read_document(YAML).content


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (YAML, {"version": 2, "texts": 5, "texts.3": 5, "shared.deep.1.a": 14, "again": 15, "again.deep.0": 14}),
        (AS_JSON, {"version": 2, "on": 3, "texts.3": 4, "shared.deep.1": 7, "shared.deep.1.a": 8, "again.deep": 10}),
    ],
    ids=["yaml", "json"],
)
def test_everything_has_its_line(text, lines):
    document = read_document(text)
    for path, line in lines.items():
        steps = [int(step) if step.isdigit() else step for step in path.split(".")]
        assert document.line_of(steps) == line, path
    assert document.line_of(["shared", "deep", 1, "no such", "thing"]) == document.line_of(["shared", "deep", 1])
    assert document.line_of([]) == 1


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
LADDER = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))


@pytest.mark.parametrize(
    ("text", "field", "line", "words"),
    [
        ("", "document", 1, "has to be an object"),
        ("- a\n- b\n", "document", 1, "has to be an object"),
        ("[1]", "document", 1, "has to be an object"),
        ("a: 1\nb:\n  c: 2\n  c: 3\n", "b.c", 4, "twice"),
        ('{"b": [{"c": 1,\n"c": 2}]}', "b[0].c", 2, "twice"),
        (f"a: 1\n{CANARY}\n", "document", 3, "not YAML"),
        (f"a: [1, {CANARY}\n", "document", 2, "not YAML"),
        ("a: \x01\n", "document", 0, "control characters"),
        (f'{{"a": 1,\n"{CANARY}"}}', "document", 2, "not JSON"),
        ('{"a": NaN}', "document", 0, "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "document", 0, "too long"),
        (b"a: 1\nb: \xff", "document", 2, "UTF-8"),
        ("a: 1\n---\nb: 2\n", "document", 2, "second document"),
        (f"a: &x\n  b: [*x]\n  {CANARY}: 1", "a.b[0]", 2, "a part of"),
        (f"a: *{CANARY}\n", "a", 1, "does not stand before"),
        (f"a: !{CANARY} 1\n", "a", 1, "Remove the tag"),
        ("a: !!python/object:os.system {}\n", "a", 1, "Remove the tag"),
        ("a: !!binary aGk=\n", "a", 1, "Remove the tag"),
        ("a: &a {}\nb:\n  <<: *a\n", "b", 3, "Merge keys"),
        ("? [a]\n: 1\n", "document", 1, "has to be text"),
        ("a: &a b\n*a : 1\n", "document", 2, "has to be text"),
        (BOMB, "a5[3]", 6, "more than 200,000 values"),
        (LADDER, "a63[0]", 64, "nested more than"),
        ("a: &a " + "x" * 600_000 + "\nb: [" + ", ".join(["*a"] * 9) + "]", "b[8]", 2, "too much text"),
        ("a: " + "[" * 1_000_000, "a" + "[0]" * (DEEPEST - 1), 1, "nested more than"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "document", 0, "nested more than"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "document", 0, "nested more than"),
        ("a: [" + "1, " * 200_001 + "]", "a[199999]", 1, "more than 200,000 values"),
        ('{"a": [' + "1, " * 200_001 + "1]}", "document", 0, "more than 200,000 values"),
        ("a: " + "x" * LARGEST, "document", 0, "larger than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text, field, line, words):
    error = refusal_of(text)
    assert (error.field, error.line) == (field, line)
    assert words in error.message


def test_the_bounds_may_be_narrower():
    assert "10 bytes" in refusal_of("a: 123456789", largest=10).message
    assert "more than 3 values" in refusal_of("a: [1, 2, 3]", most_nodes=3).message
    assert read_document(json.dumps({"a": [1] * 198_000})).line_of(["a", 5]) == 1
