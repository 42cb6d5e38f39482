"""Reading the product's own source, for tests about the code."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ["accounts", "secrets_app", "integrations", "config"]
"""Each app may import those before it."""


@functools.cache
def modules(*folders: str) -> list[Path]:
    """Every Python file of the product below the folders, migrations left out."""
    found = (path for folder in folders or APPS for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in found if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, wherever in it, with names imported from packages appended."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(path: Path) -> Iterator[str]:
    """`a.b.c` and `.c` for every attribute `c` that is read."""
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
            yield f".{node.attr}"


def called(path: Path) -> Iterator[str]:
    """`a.b.c` for every call of an attribute."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func)
