"""How the tests are built: what they share stands in modules of its own, and files and folders stay small."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = sorted(path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)
LONGEST_MODULE, LARGEST_FOLDER = 400, 20
MENTION = re.compile(r"(?<!def )\b(test_\w|conftest\b)")
"""A file without one imports no test module."""
NOT_TO_BE_IMPORTED = re.compile(r"\btests\.(\w+\.)*(test_\w+|conftest)\b")


def name_of(path: Path) -> str:
    return path.relative_to(TESTS.parent).as_posix()


def mentioned(path: Path) -> set[str]:
    """The modules that a file imports, and those that it names in a string, as settings do."""
    found, text = set(), path.read_text()
    for node in ast.walk(ast.parse(text)) if MENTION.search(text) else ():
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def test_no_module_imports_a_test_module_or_a_conftest():
    found = {name_of(path): set(filter(NOT_TO_BE_IMPORTED.search, mentioned(path))) for path in MODULES}
    del found["tests/test_tests.py"]  # its examples
    assert {path: names for path, names in found.items() if names} == {}


def test_no_fixture_is_imported():
    unused = re.compile(r"^from tests\..* import .*noqa: *F(401|811)", re.MULTILINE)
    assert [name_of(path) for path in MODULES if unused.search(path.read_text())] == []


@pytest.mark.parametrize("text", ["tests.races.test_secrets.together", "tests.conftest", "tests.config.conftest.x"])
def test_a_module_that_may_not_be_imported_is_known_as_such(text):
    assert NOT_TO_BE_IMPORTED.search(text)
    assert not NOT_TO_BE_IMPORTED.search(text.replace("test_", "").replace("conftest", "support"))


def test_no_module_is_too_long():
    lines = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: number for name, number in lines.items() if number > LONGEST_MODULE} == {}


def test_no_folder_is_too_large():
    folders = {path.parent for path in MODULES}
    sizes = {name_of(folder): len(list(folder.glob("*.py"))) for folder in folders}
    assert {name: size for name, size in sizes.items() if size > LARGEST_FOLDER} == {}
