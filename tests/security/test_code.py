"""What the code must not do, by reading it (docs/security-rules.md, "Requests")."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.source import ROOT, modules, name_of

FROM_OUTSIDE = {"GET", "POST", "data", "body", "payload", "json", "cleaned_data", "query_params"}
LOGGERS = {"logger", "log", "logging"}
TOLD_TO_NOBODY = FROM_OUTSIDE | {"value", "values", "plaintext", "secret", "headers", "expose"}


@cache
def trees() -> dict[str, ast.AST]:
    return {name_of(path): ast.parse(path.read_text()) for path in modules()}


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a method of one of these names, with its file."""
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
                yield name, node


def mentions(node: ast.AST) -> set[str]:
    parts = [part for part in ast.walk(node) if isinstance(part, ast.Attribute | ast.Name)]
    return {part.attr if isinstance(part, ast.Attribute) else part.id for part in parts}


def told(name: str, node: ast.AST) -> str:
    return f"{name}: {ast.unparse(node)}"


def test_no_query_takes_its_columns_from_outside():
    """`filter(**request.GET)` would let somebody ask for `organization__…`; `order_by(request.GET["sort"])` too."""
    spread = [
        told(name, node)
        for name, node in calls("filter", "exclude", "get", "update", "create")
        for word in node.keywords
        if word.arg is None and mentions(word.value) & FROM_OUTSIDE
    ]
    chosen = [
        told(name, node)
        for name, node in calls("order_by", "values", "values_list", "only", "annotate")
        if any(mentions(argument) & FROM_OUTSIDE for argument in node.args)
    ]
    assert spread + chosen == []


def test_no_sql_is_put_together_from_texts():
    extra = [told(name, node) for name, node in calls("extra") if "objects" in ast.unparse(node)]
    built = [
        told(name, node)
        for name, node in calls("execute", "raw")
        if node.args and not isinstance(node.args[0], ast.Constant | ast.Name | ast.Subscript)
    ]
    assert extra + built == []
    assert [name_of(path) for path in modules() if "RawSQL" in path.read_text()] == []


def test_forms_and_schemas_name_their_fields():
    found = [
        told(name, node)
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "Meta" and "exclude" in mentions(node)
    ]
    assert found == []


def test_log_calls_hold_constant_texts():
    """A line of ours has a fixed text; what varies is an argument, and never a request or what could be a value."""
    lines = [
        (name, node)
        for name, node in calls("debug", "info", "warning", "error", "critical", "exception")
        if ast.unparse(node.func).split(".")[0].lower() in LOGGERS
    ]
    assert lines
    assert [told(name, node) for name, node in lines if not isinstance(node.args[0], ast.Constant)] == []
    assert [told(name, node) for name, node in lines if set().union(*map(mentions, node.args)) & TOLD_TO_NOBODY] == []


def test_comparison_of_keys_takes_the_same_time():
    found = (ROOT / "accounts/access/callers.py").read_text()
    assert "hmac.compare_digest(bytes(key.digest), text.digest)" in found
    assert "digest ==" not in found


def test_no_setting_of_an_organization_names_a_file_or_a_host_of_ours():
    """CVE-2025-6000: what people set inside the product must not steer files, logs or databases."""
    from accounts.models import Organization

    names = {field.name for field in Organization._meta.concrete_fields}
    assert not {name for name in names if any(word in name for word in ("path", "file", "dsn", "url", "log"))}


def test_the_rules_see_what_they_forbid(tmp_path):
    seen = mentions(ast.parse("Secret.objects.filter(**request.GET.dict())"))
    assert seen & FROM_OUTSIDE
    assert isinstance(tmp_path, Path)
