"""Requests that schemathesis makes from the document, valid ones and others: every answer is as the document says.

`make fuzz` makes more of them.
"""

import json
import os
import re
import sys
from pathlib import Path
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from accounts.models import ApiKey, AuditEvent, Organization
from config.api.application import api
from tests.factories import RunFactory
from tests.support.api.listening import listening, output_of
from tests.support.api.operations import OPERATIONS
from tests.support.source import ROOT
from tests.support.things import endpoint_with_delivery, key_for, make_action, store_secret

PHASES = os.environ.get("FUZZ_PHASES", "examples,fuzzing,stateful")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "4")
SECONDS = int(os.environ.get("FUZZ_SECONDS", "300"))
pytestmark = [pytest.mark.each_database, pytest.mark.django_db(transaction=True)]
# The suite makes the same requests for the same document; `make fuzz` makes others each time.
SAME = () if "FUZZ_PHASES" in os.environ else ("--generation-deterministic",)
SETTINGS = """
request-timeout = 60.0  # a busy machine is slow, not wrong

[checks]
# A schema cannot say which address may be called or which name is taken.
positive_data_acceptance.expected-statuses = ["2xx", 304, 401, 403, 404, 409, 412, 413, 422, 429, 502, 504]
# A version that is stale is refused before the rest is read.
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 422, 429]
# The faults of upstreams: a run answers with them.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 502, 504]
"""


@pytest.fixture
def schemathesis(tmp_path):
    """Runs schemathesis against an address; what it printed, which fails the test if it found anything."""
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    api.get_openapi_schema()  # the program waits ten seconds for it, which a busy machine may take to make it

    async def run(address: str, *options: str, things: str = "{}"):
        program = Path(sys.executable).with_name("schemathesis")
        about = ("run", f"{address}/api/v1/openapi.json", "--no-color", "--no-shrink", "--continue-on-failure", *SAME)
        hooks = {"SCHEMATHESIS_HOOKS": "tests.support.api.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
        command = (program, "--config-file", settings, *about, *options)
        code, out, err = await output_of(*command, seconds=SECONDS, THINGS=things, HOME=str(tmp_path), **hooks)
        assert code == 0, out[-6000:] + err[-2000:]
        return out

    return run


@pytest.fixture
def things(owner, upstream):
    """The ids of what there is, as JSON, and an API key."""
    secret = store_secret(owner)
    action = make_action(owner, base_url=upstream)
    run = RunFactory(organization=owner.organization)
    endpoint, delivery = endpoint_with_delivery(owner)
    ids = {"secret_id": secret.id, "integration_id": action.id, "run_id": run.pk, "base_url": upstream}
    ids |= {"tool_id": action.agent_tools.get().id, "endpoint_id": endpoint, "delivery_id": delivery}
    ids |= {"secret_name": secret.name, "integration_name": action.name}
    return json.dumps(ids, default=str), key_for(owner)


def actors_of_new_events(before: set[UUID]) -> set[UUID | None]:
    """Who did what the audit log has beside these events."""
    return set(AuditEvent.objects.exclude(pk__in=before).values_list("actor_id", flat=True))


def rows_before() -> tuple[set[UUID], UUID]:
    """The ids of all audit events, and of the API key."""
    return set(AuditEvent.objects.values_list("pk", flat=True)), ApiKey.objects.get().pk


async def test_every_answer_is_as_the_document_says(things, schemathesis):
    """With an API key, that is; without it nothing is told and nothing breaks, and whatever is done is the key's."""
    ids, key = things
    events, key_id = await sync_to_async(rows_before)()
    options = ("--phases", PHASES, "--max-examples", EXAMPLES, "--checks", "all")
    async with listening() as address:
        out = await schemathesis(address, "--header", f"Authorization: Bearer {key}", *options, things=ids)
    selected, found = re.search(r"Selected: (\d+)/(\d+)", out).groups()
    assert selected == found == str(len(OPERATIONS))
    assert await sync_to_async(actors_of_new_events)(events) == {key_id}
    assert await sync_to_async(Organization.objects.count)() == 1
    await sync_to_async(connections.close_all)()
