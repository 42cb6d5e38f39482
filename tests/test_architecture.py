"""The house, held by reading the code (DESIGN section 2): who may import whom, and who may touch what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["accounts", "secrets_app", "integrations", "config"]  # each may import those before it

ROWS = {
    "accounts": [
        {
            "audit_words",
            "bounds",
            "browsers",
            "environments",
            "errors",
            "initials",
            "keys",
            "paging",
            "policy",
            "texts",
            "triggers",
            "when",
        },
        {"constraints", "fields", "lifecycle", "models", "locks"},
        {"actors", "audit", "audit_chain", "audit_log", "organization_rules", "second_factor"},
        {
            "attempts",
            "batches",
            "database",
            "letters",
            "mail",
            "mail_on_console",
            "member_list",
            "pace",
            "services",
            "standing",
        },
        {
            "addresses",
            "log_filters",
            "adapter",
            "admin",
            "api",
            "api_audit",
            "apps",
            "audit_files",
            "checks",
            "context",
            "forms",
            "management",
            "middleware",
            "one_act",
            "parsing",
            "preconditions",
            "proof_codes",
            "replies",
            "schemas",
            "second_factor_wall",
            "session_limits",
            "staff_lists",
            "staff_site",
            "signals",
            "stamps",
            "step_up",
            "templatetags",
            "urls",
            "urls_of_signing_in",
            "views",
            "views_audit",
            "views_invitations",
            "views_members",
            "views_proof",
            "views_settings",
        },
    ],
    "secrets_app": [
        {
            "plaintext",
            "crypto",
            "data_key_cache",
            "dotenv",
            "masterkeys",
            "names",
            "domains",
            "hosts",
            "values",
            "errors",
            "redaction",
            "redaction_forms",
            "sameness",
            "redaction_views",
        },
        {"querysets", "models", "signals"},
        {"changes", "hygiene", "import_plan", "keyring", "inventory", "inventory_rows", "production", "requests"},
        {"resolver", "services"},
        {
            "admin",
            "api",
            "api_import",
            "apps",
            "checks",
            "context",
            "conflicts",
            "forms",
            "forms_import",
            "listing",
            "renaming_views",
            "schemas",
            "templatetags",
            "urls",
            "views",
            "views_hygiene",
            "views_import",
            "views_requests",
        },
    ],
    "integrations": [
        {
            "addresses",
            "conversations",
            "credentials",
            "decoding",
            "destinations",
            "dialling",
            "digest",
            "egress",
            "errors",
            "graph",
            "headers",
            "json_body",
            "json_values",
            "kinds",
            "known_services",
            "lookalikes",
            "lookups",
            "mcp_client",
            "memory",
            "offered",
            "parameters",
            "pasted",
            "paths",
            "placeholders",
            "receiving",
            "redirects",
            "renames",
            "requests",
            "responses",
            "schemas",
            "sip_check",
            "sip_login",
            "sip_messages",
            "sip_signing",
            "sip_uris",
            "slots",
            "triggers",
        },
        {"fields", "querysets", "models"},
        {"lineage", "outgoing", "references"},
        {
            "admission",
            "agent_tools",
            "answers",
            "broker",
            "checking",
            "domain_check",
            "database",
            "following",
            "key_overview",
            "ledger",
            "ledger_postgres",
            "nonces",
            "preparation",
            "overview",
            "pauses",
            "pool",
            "rotation",
            "readiness",
            "services",
            "sip_transport",
            "tokens",
            "tools",
            "transport",
            "trials",
            "usage",
            "uses",
            "warnings",
            "wire",
        },
        {
            "admin",
            "api",
            "api_of_rotation",
            "api_readiness",
            "api_of_secrets",
            "api_runs",
            "api_schemas",
            "api_tools",
            "apps",
            "forms",
            "rotation_pages",
            "templatetags",
            "urls",
            "urls_of_api_keys",
            "urls_of_secrets",
            "views",
            "views_of_rotation",
            "views_of_secrets",
            "views_replace",
            "views_where_used",
        },
    ],
}
PURE, DATA, RULES, WORK, DOORS = range(5)

# Concern -> (what marks its use, the only modules that may). DESIGN section 2, "One place each".
GUESTS = {
    "opening values": ({"keyring.unseal"}, {"secrets_app/sealing/resolver.py"}),
    "plaintext": ({"resolver.open_values"}, {"integrations/broker/admission.py"}),
    "comparison": ({"resolver.marked_values"}, {"secrets_app/hygiene/comparison.py"}),
    "staged values": ({"resolver.find_with_staged"}, {"integrations/broker/admission.py"}),
    "crypto": (
        {"secrets_app.sealing.crypto"},
        {"secrets_app/sealing/keyring.py", "secrets_app/sealing/master_keys.py"},
    ),
    "HTTP client": (
        {"aiohttp"},
        {
            "integrations/transport/client.py",
            "integrations/transport/connector.py",
            "integrations/transport/pool.py",
            "integrations/transport/reception_limits.py",
        },
    ),
    "names": ({"socket.getaddrinfo"}, {"integrations/egress/lookups.py"}),
    "sockets": (
        {"socket.socket", "socket.create_connection", "asyncio.open_connection", "asyncio.open_unix_connection"},
        {"integrations/transport/sip.py", "integrations/transport/connector.py"},
    ),
}
CLOSED_CLIENTS = {
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


def sources(*folders: str) -> Iterator[Path]:
    """Every Python file of the product below the folders, migrations left out."""
    for folder in folders or APPS:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, wherever in it, with names imported from packages appended."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def row_of(module: str) -> int | None:
    """The row of `app.module…`, or None for what lies outside the three apps."""
    app, _, rest = module.partition(".")
    name = rest.split(".")[0]
    return next((number for number, row in enumerate(ROWS.get(app, [])) if name in row), None)


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".")


def test_every_module_stands_in_a_row():
    unknown = [
        name_of(path)
        for path in sources("accounts", "secrets_app", "integrations")
        if path.name != "__init__.py" and row_of(module_of(path)) is None
    ]
    assert unknown == []


@pytest.mark.parametrize("path", list(sources()), ids=name_of)
def test_imports_run_one_way_between_apps(path):
    mine = APPS.index(path.relative_to(ROOT).parts[0])
    upward = {
        module for module in imports(path) if module.split(".")[0] in APPS and APPS.index(module.split(".")[0]) > mine
    }
    assert upward == set()


@pytest.mark.parametrize("path", list(sources("accounts", "secrets_app", "integrations")), ids=name_of)
def test_imports_run_one_way_between_rows(path):
    app, mine = path.relative_to(ROOT).parts[0], row_of(module_of(path))
    lower = {
        module
        for module in imports(path)
        if module.startswith(f"{app}.") and mine is not None and (row_of(module) or 0) > mine
    }
    lazily = {"secrets_app.models", "secrets_app.models.Secret", "secrets_app.models.SecretValue"}
    assert lower - lazily == set()


@pytest.mark.parametrize(
    "path",
    [path for path in sources("accounts", "secrets_app", "integrations") if row_of(module_of(path)) == PURE],
    ids=name_of,
)
def test_pure_modules_know_no_framework(path):
    assert {module for module in imports(path) if module.split(".")[0] in {"django", "ninja", "allauth"}} == set()


@pytest.mark.parametrize(
    "path",
    [path for path in sources("accounts", "secrets_app", "integrations") if row_of(module_of(path)) == WORK],
    ids=name_of,
)
def test_work_knows_no_request(path):
    forbidden = ("django.http", "django.forms", "django.template", "django.shortcuts", "ninja")
    assert {module for module in imports(path) if module.startswith(forbidden)} == set()


@pytest.mark.parametrize(("marks", "guests"), GUESTS.values(), ids=GUESTS)
def test_a_concern_has_a_closed_guest_list(marks, guests):
    found = {name_of(path) for path in sources() if names(marks, {*imports(path), *attributes(path)})}
    assert found == guests


def test_no_other_network_client():
    found = {name_of(path) for path in sources() if names(CLOSED_CLIENTS, set(imports(path)))}
    assert found == set()


def names(marks: set[str], used: set[str]) -> bool:
    """Whether something used is one of the marks, or inside one: `aiohttp.client.ClientSession` is `aiohttp`'s."""
    return any(one == mark or one.startswith(f"{mark}.") for one in used for mark in marks)


def test_a_part_of_a_library_is_the_library():
    assert names({"aiohttp"}, {"aiohttp.client.ClientSession"})
    assert not names({"aiohttp"}, {"aiohttp_session", "yarl"})


def test_values_are_exposed_in_a_closed_list_of_places():
    found = {
        name_of(path) for path in sources() if any(attribute.endswith(".expose") for attribute in attributes(path))
    }
    assert found == {
        "integrations/templating/slots.py",
        "secrets_app/sealing/crypto.py",
        "secrets_app/importing/dotenv.py",
        "secrets_app/redaction/redactor.py",
        "secrets_app/sealing/sameness.py",
        "secrets_app/api/schemas.py",
        "secrets_app/naming/value_rules.py",
    }


INVENTED_HISTORY = ROOT / "config/demo/history.py"  # backdated runs cannot be made by running
DOOR_FILES = [
    path
    for path in sources()
    if (row_of(module_of(path)) == DOORS or path.is_relative_to(ROOT / "config")) and path != INVENTED_HISTORY
]
WRITES = {"save", "delete", "create", "bulk_create", "update", "bulk_update", "get_or_create", "update_or_create"}


@pytest.mark.parametrize("path", DOOR_FILES, ids=name_of)
def test_a_door_never_writes_a_model(path):
    calls = {
        attribute for attribute in called(path) if attribute.rpartition(".")[2] in WRITES and ".objects" in attribute
    }
    assert calls == set()


@pytest.mark.parametrize("path", list(sources()), ids=name_of)
def test_no_dangerous_shortcuts(path):
    text = path.read_text()
    for banned in (
        "mark_safe",
        'fields = "__all__"',
        "eval(",
        "exec(",
        "pickle",
        "verify=False",
        "ssl=False",
        "csrf_exempt",
    ):
        assert banned not in text, banned


def test_rendering_has_no_format_languages():
    for path in sources("integrations"):
        if path.name in {"placeholders.py", "slots.py", "requests.py", "json_body.py"}:
            assert not {
                attribute
                for attribute in called(path)
                if attribute.rpartition(".")[2] in {"format", "format_map", "substitute"}
            }


def attributes(path: Path) -> Iterator[str]:
    """`a.b.c` for every attribute that is read."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def called(path: Path) -> Iterator[str]:
    """`a.b.c` for every call of an attribute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func)
