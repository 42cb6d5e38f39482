"""A limit of a rule, met by many API keys in two processes at once: as many calls are made as it allows, no more."""

import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.db import connection

from accounts.common.environments import Environment
from integrations.editing.rules import set_rules
from integrations.models import Run
from integrations.rules.reading import read_rules
from tests.peers.upstreams import answering, http
from tests.support.source import ROOT
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CALLS, LIMIT = (int(number) for number in os.environ.get("LIMITED_CALLS", "1000 600").split())
"""Each process makes half of the calls, so that both have to take part to reach the limit."""
KEYS, PROCESSES = 50, 2
CALLER = """
import asyncio, collections, json, sys
import tests.environment
import django
django.setup()
from uuid import UUID
from accounts.access.callers import PresentedKey
from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.broker import broker
from integrations.broker.preparation import Call

async def one(key, action):
    try:
        return (await broker.run(PresentedKey(key, None), Call(action, Environment.STAGING))).outcome.value
    except Refusal as refusal:
        return refusal.code

async def main():
    keys, each, action = json.loads(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    found = await asyncio.gather(*(one(key, UUID(action)) for _ in range(each) for key in keys))
    print(json.dumps(collections.Counter(found)))

asyncio.run(main())
"""


def address():
    """The database of the test, for another process."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def test_no_call_more_than_the_limit_across_processes(owner):
    seen = []

    def respond(request, sending):
        seen.append(request)
        sending.sendall(http(b"{}"))

    store_secret(owner)
    keys = [key_for(owner, environments=[Environment.STAGING], max_concurrent=CALLS) for _ in range(KEYS)]
    with answering(respond) as upstream:
        action = make_action(owner, base_url=upstream)
        limit = {"calls": LIMIT, "per": "minute"}
        set_rules(actor=owner, integration_id=action.pk, rules=read_rules([{"decision": "allow", "limit": limit}]))
        share = KEYS // PROCESSES
        asked = [json.dumps([keys[start : start + share], CALLS // KEYS, str(action.pk)]) for start in (0, share)]
        environment = {**os.environ, "DATABASE_URL": address(), "PYTHONPATH": str(ROOT)}
        environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
        command = [sys.executable, "-c", CALLER]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        callers = [subprocess.Popen([*command, each], cwd=ROOT, env=environment, **pipes) for each in asked]
        assert [caller.stdout.readline() for caller in callers] == ["ready\n"] * PROCESSES
        for caller in callers:  # at the same moment
            caller.stdin.write("go\n")
            caller.stdin.flush()
        answers = [json.loads(caller.communicate(timeout=300)[0]) for caller in callers]
    assert sum(answer.get("succeeded", 0) for answer in answers) == LIMIT == len(seen)
    assert sum(answer.get("limit_reached", 0) for answer in answers) == CALLS - LIMIT
    assert all(answer.get("succeeded") for answer in answers)
    assert Run.objects.filter(outcome="succeeded").count() == LIMIT
    assert Run.objects.filter(error_code="limit_reached").count() == CALLS - LIMIT
