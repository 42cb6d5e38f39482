"""Sizes that keep the code readable, and names that mean one thing (docs/testing.md, "Properties that must hold")."""

import ast
from collections import Counter
from pathlib import Path

from radon.visitors import Class, ComplexityVisitor, Function

from tests.support.source import APPS, modules, name_of, nodes

LARGEST_FOLDER, LONGEST_MODULE, LONGEST_FUNCTION, HIGHEST_COMPLEXITY = 20, 300, 30, 10
EVERYWHERE = {"Meta", "Command"}
"""Names that Django prescribes."""


def functions(path: Path) -> list[Function]:
    """Every function and method of the file, as radon counts it."""
    blocks = ComplexityVisitor.from_ast(nodes(path)[0]).blocks
    methods = [method for block in blocks if isinstance(block, Class) for method in block.methods]
    return [block for block in blocks if isinstance(block, Function)] + methods


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of the body, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_folder_is_crowded():
    modules_in = Counter(path.parent for path in modules() if path.name != "__init__.py")
    assert {name_of(folder): n for folder, n in modules_in.items() if n > LARGEST_FOLDER} == {}


def test_no_module_is_long():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_long():
    long = {
        f"{name_of(path)}:{node.name}": lines_of_code(node)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of_code(node) > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_function_is_complex():
    complex_ones = {
        f"{name_of(path)}:{function.name}": function.complexity
        for path in modules()
        for function in functions(path)
        if function.complexity > HIGHEST_COMPLEXITY
    }
    assert complex_ones == {}


def test_a_class_name_means_one_thing():
    names = Counter(node.name for path in modules() for node in nodes(path) if isinstance(node, ast.ClassDef))
    assert {name: n for name, n in names.items() if n > 1 and name not in EVERYWHERE} == {}


def test_every_room_says_what_it_owns():
    """The docstring of a folder is what a newcomer reads first; Django's own folders need none."""
    by_django = {"management", "commands", "templatetags", "migrations"}
    packages = [
        path for path in modules() if path.name == "__init__.py" and path.parent.name not in by_django | set(APPS)
    ]
    assert [name_of(path) for path in packages if not ast.get_docstring(nodes(path)[0])] == []


def test_no_argument_is_excused():
    """`@override` says why an argument is there although nothing uses it."""
    assert [name_of(path) for path in modules() if "noqa: ARG" in path.read_text()] == []
