"""The picture of `docs/architecture.md` shows the imports as they are now."""

import re
from xml.etree import ElementTree as ET

from tests.architecture_picture import PICTURE, draw, importers, inside
from tests.support.layers import rooms
from tests.support.source import APPS, ROOT, modules


def test_the_picture_is_up_to_date():
    assert PICTURE.read_text() == draw(), "Imports have changed: run `make picture` and commit the picture."


def test_the_picture_names_every_app_and_room():
    texts = {text.strip() for element in ET.fromstring(draw()).iter() for text in [element.text or ""]}
    assert {f"{app}/" for app in APPS} <= texts
    assert {room for app in APPS for room in rooms(app)} <= texts


def test_an_import_is_an_arrow_or_follows_from_arrows():
    edges = importers()
    for app in APPS:
        arrows, reached = inside(app, edges), {}
        for room in rooms(app):
            reached[room] = arrows[room].union(*(reached[name] for name in arrows[room]))
        for importer, imported in edges:
            if importer.startswith(f"{app}/") and imported.startswith(f"{app}/"):
                assert imported.partition("/")[2] in reached[importer.partition("/")[2]]


def test_the_page_names_every_room():
    page = (ROOT / "docs/architecture.md").read_text()
    for app in APPS:
        section = page.partition(f"\n### {app}: ")[2].partition("\n#")[0]
        first_cells = " ".join(re.findall(r"^\|([^|]*)\|", section, flags=re.MULTILINE))
        assert sorted(rooms(app)) == sorted(re.findall(r"`(\w+)`", first_cells))


def test_every_step_of_the_page_is_in_its_room():
    page = (ROOT / "docs/architecture.md").read_text()
    steps = re.findall(r"^\| \d+ \| `([\w/]+)` \| ([^|]*)\|", page, flags=re.MULTILINE)
    named = [(room, name) for room, cell in steps for name in re.findall(r"`(?:\w+\.)*(\w+)`", cell)]
    assert len(steps) > 20
    for room, name in named:
        sources = (path.read_text() for path in modules(room))
        assert any(re.search(rf"\b(?:def|class) {name}\b", source) for source in sources), f"{room}: {name}"
