"""The table of snippets: that the document shows it as the page does, and that its texts can be read."""

import ast
import json

import pytest

from integrations.web.agents.snippets import KEY, SNIPPETS, URL, Snippet
from tests.support.source import ROOT

each = pytest.mark.parametrize("snippet", SNIPPETS, ids=[snippet.client for snippet in SNIPPETS])
DOCUMENT = (ROOT / "docs/agents.md").read_text()


@each
def test_document_has_the_snippet_of_the_page_and_how_it_was_tried(snippet: Snippet):
    section = DOCUMENT.partition(f"### {snippet.label}\n")[2].partition("\n##")[0]
    assert snippet.filled("https://coffer.example.com/mcp", "cof_…") in section
    assert f"{snippet.place}; {snippet.tried}." in section
    assert snippet.hint in section.replace("\n", " ")


@each
def test_text_is_well_formed(snippet: Snippet):
    text = snippet.filled("https://coffer.example.com/mcp", "cof_key")
    assert URL in snippet.text
    assert not any(mark in text for mark in (URL, KEY))
    if snippet.language == "json":
        json.loads(text)
    elif snippet.language == "python":
        ast.parse(text)


@each
def test_key_comes_from_a_variable_or_stands_in_the_text(snippet: Snippet):
    assert snippet.holds_key != any(name in snippet.text for name in ("COFFER_KEY", "input:coffer-key"))
