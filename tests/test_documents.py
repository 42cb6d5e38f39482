"""The repository is complete by itself: whatever a line cites is in `docs/`, and every link leads somewhere."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source import APPS, ROOT, name_of

TESTS = ROOT / "tests"
EXAMPLE = "status_page"
"""The kind that `docs/adding-a-kind.md` adds."""
FOLDERS = [*APPS, "templates", "static", "tests", "docs"]
ENDINGS = {".py", ".md", ".html", ".txt", ".js", ".css", ".toml", ".cfg", ".cjs"}
CITATION = re.compile(r"(?<![\w./])docs/[\w./-]*\w")
SECTIONS = re.compile(r'(docs/[\w/-]+\.md),? \(?("[^"]+"(?:(?:, | to | and |, and )"[^"]+")*)')
FILE = re.compile(r"`((?:accounts|secrets_app|integrations|config|templates|static|tests)/[\w./*-]*\w)/?`")
THREATS = re.compile(r"docs/threat-model\.md, (T\d+)")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
ELSEWHERE = re.compile(
    r"\bDESIGN\b|\bHOUSE\b|\bSTYLE(?:\.md| section)|\bSECURITY (?:section|§)|(?<!docs/)\bAPI\.md|\.\./shared\b"
)
"""Papers that are not part of the repository."""


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@functools.cache
def files() -> list[Path]:
    """Everything that people write: code, templates, documents, settings of tools."""
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    found = [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml", *below]
    return sorted(path for path in found if "node_modules" not in path.parts and path != Path(__file__))


@functools.cache
def words(path: Path) -> str:
    """The file on one line, so that a citation may be wrapped; the marks of comments are left out."""
    return re.sub(r"\s*\n\s*(?:#\s|//\s|\*\s)?\s*", " ", path.read_text())


@functools.cache
def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", CODE.sub(_without_blocks, path.read_text()), flags=re.MULTILINE)


@functools.cache
def sections(path: Path) -> set[str]:
    """What a citation may name: headings, bold terms and the first cells of tables."""
    text = path.read_text()
    bold = re.findall(r"\*\*([^*]+?)[.:]?\*\*", text)
    cells = re.findall(r"^\| ?([^|]+?) ?\|", text, flags=re.MULTILINE)
    return {*headings(path), *bold, *cells}


@functools.cache
def anchors(path: Path) -> set[str]:
    """The names that GitHub gives to headings, and those that the page gives itself."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(path))
    return {heading.replace(" ", "-") for heading in plain} | set(re.findall(r'<a id="([^"]+)">', path.read_text()))


def _without_blocks(found: re.Match[str]) -> str:
    return "" if found[0].startswith("```") else found[0]


def links(path: Path) -> Iterator[str]:
    """The targets of a document's links and pictures within the repository."""
    targets = LINK.findall(CODE.sub("", path.read_text()))
    return (target for target in targets if not re.match(r"[a-z]+:", target))


def is_there(cited: str) -> bool:
    """Whether a document exists; a decision may be cited by its number."""
    by_number = list(ROOT.glob(f"{cited}-*.md")) if re.search(r"/\d{4}$", cited) else []
    return (ROOT / cited).exists() or len(by_number) == 1


def test_every_cited_document_exists():
    cited = {(name_of(path), page) for path in files() for page in CITATION.findall(words(path))}
    assert {(name, page) for name, page in cited if not is_there(page)} == set()


def test_every_file_that_a_document_names_exists():
    named = {(name_of(page), file) for page in documents() for file in FILE.findall(page.read_text())}
    missing = {(name, file) for name, file in named if not any(ROOT.glob(file)) and not any(TESTS.glob(file))}
    assert {(name, file) for name, file in missing if EXAMPLE not in file} == set()


def test_every_test_that_is_named_for_a_threat_exists():
    page = (ROOT / "docs/security-tests.md").read_text()
    tests = {path.relative_to(TESTS).as_posix(): path.read_text() for path in TESTS.rglob("*.py")}
    named = set(re.findall(r"`((?:\w+/)*test_\w+\.py)`", page))
    assert {file for file in named if not any(f"/{path}".endswith(f"/{file}") for path in tests)} == set()
    parts = {part.rstrip("…").strip("_") for part in re.findall(r"`([a-z]+(?:_[a-z0-9]+){2,}_?…?)`", page)}
    assert {part for part in parts if not any(part in text for text in tests.values())} == set()


def test_every_cited_section_exists():
    cited = {
        (name_of(path), page, section)
        for path in files()
        for page, quoted in SECTIONS.findall(words(path))
        for section in re.findall(r'"([^"]+)"', quoted)
    }
    assert cited
    assert {(name, page, section) for name, page, section in cited if section not in sections(ROOT / page)} == set()


def test_every_cited_threat_exists():
    page = (ROOT / "docs/threat-model.md").read_text()
    cited = {(name_of(path), threat) for path in files() for threat in THREATS.findall(words(path))}
    assert cited
    assert {(name, threat) for name, threat in cited if not re.search(rf"\b{threat}\b", page)} == set()


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_link_leads_somewhere(path):
    for target in links(path):
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


def test_no_paper_outside_the_repository_is_cited():
    assert {(name_of(path), found) for path in files() for found in ELSEWHERE.findall(path.read_text())} == set()


def test_every_page_is_in_the_index():
    listed = {(ROOT / "docs" / target.partition("#")[0]).resolve() for target in links(ROOT / "docs/index.md")}
    assert {name_of(page) for page in (ROOT / "docs").rglob("*.md") if page not in listed} == {"docs/index.md"}


def test_pictures_are_small():
    large = 150 * 1024
    assert {name_of(path) for path in (ROOT / "docs/pictures").iterdir() if path.stat().st_size > large} == set()
