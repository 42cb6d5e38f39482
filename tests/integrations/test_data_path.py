"""How far data travels: the files that a run visits, the statements that an edit costs, the parses of a save."""

import asyncio
import json
import sys
import threading
from types import FrameType
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.common import database
from accounts.common.environments import Environment
from config.asgi import application
from config.demo import upstream
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.kinds.base import Kind
from integrations.models import Run
from integrations.transport.connections import keeping_connections
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.plaintext import Plaintext
from tests.support.source import APPS, ROOT
from tests.support.things import key_for, make_action, make_connector, store_secret

MOST_FILES, MOST_STATEMENTS = 40, 12
OURS = tuple(f"{ROOT / app}/" for app in APPS)
NOT_THE_RUN = (f"{ROOT / 'config/demo'}/", f"{ROOT / 'config/logs.py'}")
"""The upstream that the run calls, and the logging of the suite."""


class Visits:
    """The product's files in which a function is called while `recording` is set."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.recording = False

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        name = frame.f_code.co_filename
        if self.recording and event == "call" and name.startswith(OURS) and not name.startswith(NOT_THE_RUN):
            self.files.add(name.removeprefix(f"{ROOT}/"))


@pytest.fixture
def visits(monkeypatch):
    """Visits by this thread and by the database threads, which are new ones."""
    found = Visits()
    threading.setprofile(found.note)
    pool = database.ThreadPoolExecutor(1)
    monkeypatch.setattr(database, "_pool", pool)
    yield found
    sys.setprofile(None)
    threading.setprofile(None)
    pool.submit(connections.close_all).result()
    pool.shutdown()


async def post(path: str, key: str, body: dict[str, Any]) -> int:
    """The status of one call of the API."""
    sent: list[Any] = []
    received = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> Any:
        return received.pop() if received else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"host": "localhost", "authorization": f"Bearer {key}", "content-type": "application/json"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
    }
    await application(scope, receive, send)
    return sent[0]["status"]


async def run_twice(action_id: UUID, key: str, visits: Visits) -> list[int]:
    """Make a run, so that everything is loaded, and another one that is recorded."""
    call = f"/api/v1/integrations/{action_id}/run", key, {"environment": "staging", "params": {"phone": "+49 40 5550"}}
    async with keeping_connections():  # as a server does
        first = await post(*call)
        visits.recording = True
        sys.setprofile(visits.note)
        second = await post(*call)
        sys.setprofile(None)
        visits.recording = False
    return [first, second]


@pytest.mark.django_db(transaction=True)
def test_a_run_by_api_key_visits_few_files(owner, visits):
    store_secret(owner, allowed_domains=["localhost"])
    connector = make_connector(owner)
    with upstream.serving(0, lambda seen: None) as port:
        action = make_action(
            owner,
            uses="",
            base_url=f"http://localhost:{port}",
            auth_connector=str(connector.id),
            method="POST",
            body={"type": "json", "content": '{"phone": "{params.phone}"}'},
            parameters={"type": "object", "properties": {"phone": {"type": "string"}}, "required": ["phone"]},
        )
        statuses = asyncio.run(run_twice(action.id, key_for(owner), visits))
    assert (statuses, Run.objects.count()) == ([200, 200], 2)
    assert {"config/api/fast_path.py", "integrations/broker/ledger.py", "secrets_app/sealing/crypto.py"} <= visits.files
    assert len(visits.files) <= MOST_FILES, "\n".join(sorted(visits.files))


@pytest.mark.django_db
def test_editing_all_three_values_costs_few_statements(owner):
    secret = store_secret(owner)
    make_action(owner)
    values = {environment: Plaintext("another-value-of-it") for environment in Environment}
    with CaptureQueriesContext(
        connection,
    ) as captured:
        update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values=values))
    assert len(captured) <= MOST_STATEMENTS, [query["sql"] for query in captured]


@pytest.mark.django_db
@pytest.mark.parametrize("edit", [False, True], ids=["a new integration", "an edited integration"])
def test_saving_an_integration_parses_its_configuration_once(owner, monkeypatch, edit):
    store_secret(owner)
    stored = make_action(owner, name="Stored") if edit else None
    parsed, parse_config = [], Kind.parse_config

    def noting(kind, raw):
        parsed.append(raw["path"])
        return parse_config(kind, raw)

    monkeypatch.setattr(Kind, "parse_config", noting)
    if stored:
        config = {**stored.config, "path": "/edited"}
        update_integration(actor=owner, integration_id=stored.id, changes=IntegrationChanges(config=config))
        assert parsed.count("/edited") == 1
    else:
        make_action(owner, path="/new")
        assert parsed == ["/new"]
