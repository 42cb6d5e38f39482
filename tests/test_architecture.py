"""The rules of `docs/architecture.md`, checked by reading the code: who imports whom, and who may use what."""

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.layers import PURE, interfaces, room_of, rooms
from tests.support.source import APPS, ROOT, called, imports, modules, name_of, used, with_wholes

ALLOWED_USERS = {
    "opening a sealed value": ({"keyring.unseal"}, {"secrets_app/sealing"}),
    "opening the values of a run": (
        {"resolver.open_values", "resolver.find_with_staged", "resolver.open_for_masking"},
        {"integrations/broker"},
    ),
    "opening what is sealed for alerts": ({"sealed_texts.open_text"}, {"integrations/alerts"}),
    "comparing values": ({"resolver.fingerprint_values"}, {"secrets_app/hygiene"}),
    "the plaintext of a value": (
        {".expose"},
        {"secrets_app/sealing", "secrets_app/naming", "secrets_app/redaction", "secrets_app/importing",
         "secrets_app/api", "integrations/templating", "integrations/alerts", "integrations/holding"},
    ),
    "cryptography": ({"secrets_app.sealing.crypto", "cryptography"}, {"secrets_app/sealing"}),
    "the HTTP client, and that of WebSockets": ({"aiohttp", "websockets"}, {"integrations/transport"}),
    "the server of the MCP SDK, slow to import": ({"config.api.agent_server"}, {"config/lifespan"}),
    "host name lookups": ({"socket.getaddrinfo"}, {"integrations/egress"}),
    "sockets": (
        {"socket.socket", "socket.create_connection", "asyncio.open_connection", "asyncio.open_unix_connection"},
        {"integrations/transport", "integrations/egress"},
    ),
}  # fmt: skip
"""Concern: (the names that stand for it, the only rooms that may use them)."""

OTHER_CLIENTS = {
    "requests",
    "httpx",
    "httpx2",
    "http.client",
    "urllib3",
    "urllib.request",
    "ftplib",
    "smtplib",
    "telnetlib",
}
WRITES = {"save", "delete", "create", "bulk_create", "update", "bulk_update", "get_or_create", "update_or_create"}
INVENTED_HISTORY = {ROOT / "config/demo" / name for name in ("history.py", "traffic.py")}
"""Backdated runs cannot be made by running."""


@functools.cache
def interface_modules() -> list[Path]:
    after_the_bar = {f"{app}/{room}" for app in APPS for room in interfaces(app)}
    return [path for path in modules() if room_of(path) in after_the_bar and path not in INVENTED_HISTORY]


def inside(marks: set[str], names: Iterable[str]) -> set[str]:
    """The names that are one of the marks or inside one: `aiohttp.client.ClientSession` is inside `aiohttp`."""
    return {name for name in names if not marks.isdisjoint(with_wholes([name]))}


def offenders(paths: Iterable[Path], find: Callable[[Path], set[str]]) -> dict[str, set[str]]:
    """What `find` objects to, by file."""
    return {name_of(path): found for path in paths if (found := find(path))}


@pytest.mark.parametrize("app", APPS)
def test_every_room_has_its_place_in_the_order(app):
    found = {room_of(path).partition("/")[2] for path in modules(app)} - {"__init__"}
    assert found == set(rooms(app))


def test_imports_run_one_way():
    def upward(path: Path) -> set[str]:
        app, _, room = room_of(path).partition("/")
        later = set(APPS[APPS.index(app) + 1 :])
        if room != "__init__":
            later |= {f"{app}.{other}" for other in rooms(app)[rooms(app).index(room) + 1 :]}
        return inside(later, imports(path))

    assert offenders(modules(), upward) == {}


def test_pure_rooms_know_no_framework():
    frameworks = {"django", "ninja", "allauth"}
    pure = [path for path in modules() if room_of(path) in PURE]
    assert offenders(pure, lambda path: inside(frameworks, imports(path))) == {}


def test_only_interfaces_know_requests_and_pages():
    frameworks = {"django.http", "django.forms", "django.template", "django.shortcuts", "ninja"}
    allowed = {"accounts/access", "accounts/sign_in"}  # decorators of views, and allauth's hooks
    others = [path for path in modules(*APPS[:3]) if path not in interface_modules() and room_of(path) not in allowed]
    assert offenders(others, lambda path: inside(frameworks, imports(path))) == {}


def test_an_interface_never_writes_a_model():
    def writes(path: Path) -> set[str]:
        return {name for name in called(path) if name.rpartition(".")[2] in WRITES and ".objects" in name}

    assert offenders(interface_modules(), writes) == {}


@pytest.mark.parametrize(("marks", "allowed"), ALLOWED_USERS.values(), ids=ALLOWED_USERS)
def test_a_concern_has_its_only_users(marks, allowed):
    assert {room_of(path) for path in modules() if not marks.isdisjoint(used(path))} == allowed


def test_there_is_no_other_network_client():
    assert offenders(modules(), lambda path: inside(OTHER_CLIENTS, imports(path))) == {}


def test_a_part_of_a_library_is_the_library():
    within = {"aiohttp", "aiohttp.client.ClientSession"}
    assert inside({"aiohttp"}, {*within, "aiohttp_session", "yarl"}) == within


def test_no_dangerous_shortcuts():
    banned = r'mark_safe|fields = "__all__"|\beval\(|\bexec\(|\bpickle\b|verify=False|ssl=False|csrf_exempt'
    assert offenders(modules(), lambda path: set(re.findall(banned, path.read_text()))) == {}


def test_rendering_has_no_format_languages():
    languages = {"format", "format_map", "substitute"}
    rendering = modules("integrations/templating", "integrations/exchange")
    assert (
        offenders(rendering, lambda path: {name for name in called(path) if name.rpartition(".")[2] in languages}) == {}
    )
