"""Reading the product's own source, for tests about the code."""

import ast
import functools
from collections.abc import Iterable, Iterator
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
    """`a.b.c` and `.c` for every attribute `c` that is read; of what is no name alone, as `a().c`, only `.c`."""
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            yield _dotted(node)
            yield f".{node.attr}"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@functools.cache
def used(path: Path) -> frozenset[str]:
    """What the file imports and reads, with everything that this is a part of: of `a.b.c` also `a.b` and `a`."""
    return with_wholes(imports(path)) | with_wholes(attributes(path))


def with_wholes(names: Iterable[str]) -> frozenset[str]:
    """The names, and everything that they are parts of."""
    return frozenset(part for name in set(names) for part in _wholes(name))


def _wholes(name: str) -> Iterator[str]:
    yield name
    while name := name.rpartition(".")[0]:
        yield name


def called(path: Path) -> Iterator[str]:
    """`a.b.c` for every call of an attribute."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func)
