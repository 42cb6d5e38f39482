"""The conformance suite of MCP against Coffer, which offers it the tools of a server that is an integration."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db import connection as database

from accounts.common.environments import Environment
from accounts.policy import Scope
from config.agents import calls
from integrations.models import Integration
from tests.peers import mcp
from tests.peers.conformance_server import TOOLS
from tests.peers.upstreams import answering, http
from tests.support import npm
from tests.support.api.agents import approved_tool
from tests.support.api.listening import listening, output_of
from tests.support.source import ROOT
from tests.support.things import key_for, make_action, make_mcp_server

pytestmark = [pytest.mark.node, pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
PROMPTS = {
    f"prompts-{each}" for each in ("get-embedded-resource", "get-simple", "get-with-args", "get-with-image", "list")
}
RESOURCES = {
    f"resources-{each}" for each in ("list", "read-binary", "read-text", "subscribe", "templates-read", "unsubscribe")
}
LOGGING = {"logging-set-level", "tools-call-with-logging"}
INPUT = {
    "elicitation-sep1034-defaults", "elicitation-sep1330-enums", "tools-call-elicitation", "tools-call-sampling",
    *(f"input-required-result-{each}" for each in (
        "basic-elicitation", "basic-list-roots", "basic-sampling", "capability-check", "ignore-extra-params",
        "missing-input-response", "multi-round", "multiple-input-requests", "non-tool-request", "request-state",
        "result-type", "tampered-state",
    )),
}  # fmt: skip
NOT_APPLICABLE = PROMPTS | RESOURCES | LOGGING | INPUT | {"completion-complete", "sep-2164-resource-not-found"}
"""Scenarios for what Coffer does not have; docs/mcp.md says why."""

CHECKS_NOT_APPLICABLE = {
    "sep-2549-prompts-list-caching-hints", "sep-2549-resources-list-caching-hints",
    "sep-2549-resources-templates-list-caching-hints", "sep-2575-missing-capability-http-400",
    "sep-2575-server-rejects-undeclared-capability",
}  # fmt: skip
"""Checks of the same kind within scenarios that apply otherwise."""

_scenario = re.compile(r"server-(.+)-20\d\d-\d\d-\d\dT.*").fullmatch


def test_every_scenario_that_applies_passes_in_every_version(owner, monkeypatch, tmp_path):
    monkeypatch.setattr(calls, "PROGRESS_EVERY", 0.2)
    monkeypatch.setattr("config.agents.listening.LOOK_EVERY", 0.1)
    npm.install()
    key = key_for(owner, Scope.RUN, environments=[Environment.STAGING])

    async def run(address, version):
        command = [npm.newer_node(), mcp.CONFORMANCE, "server", "--suite", "all", "--url", f"{address}/mcp"]
        await output_of(*command, "--spec-version", version, "-o", tmp_path / version, seconds=120)

    async def run_all():
        async with listening(key) as address:
            await asyncio.gather(*(run(address, version) for version in VERSIONS))

    def change(_, connection):
        """Change a tool during a call, as a person may at any time."""
        Integration.objects.filter(pk=server.pk).update(description="Changed")
        database.close()
        connection.sendall(http(b"{}"))

    with mcp.conformance_fixtures() as url, answering(change) as base_url:
        server = make_mcp_server(owner, url, only_approved_tools=True)
        make_action(owner, "test_trigger_tool_change", uses="", base_url=base_url)
        for tool in TOOLS:
            approved_tool(server, tool.model_dump(by_alias=True, exclude_none=True))
        async_to_sync(run_all)()
    passed, failed = results_in(tmp_path)
    assert failed - {(scenario, check) for scenario, check in failed if scenario in NOT_APPLICABLE} == {
        (scenario, check) for scenario, check in failed if check in CHECKS_NOT_APPLICABLE
    }
    assert {scenario for scenario, _ in failed} >= NOT_APPLICABLE, "some of these pass by now"
    assert {check for _, check in failed} >= CHECKS_NOT_APPLICABLE, "some of these pass by now"
    assert passed >= {"server-initialize", "server-stateless", "tools-call-mixed-content", "http-header-validation"}


def results_in(folder: Path) -> tuple[set[str], set[tuple[str, str]]]:
    """The scenarios that ran, and (scenario, check) of what failed or was warned of."""
    ran, failed = set(), set()
    for file in folder.glob("*/*/checks.json"):
        scenario = _scenario(file.parent.name)[1]
        ran.add(scenario)
        checks = json.loads(file.read_text())
        failed |= {(scenario, each["id"]) for each in checks if each["status"] in {"FAILURE", "WARNING"}}
    return ran, failed


def test_the_document_lists_what_does_not_apply():
    listed = set(re.findall(r"`([a-z0-9-]+)`", (ROOT / "docs/mcp.md").read_text()))
    assert listed >= NOT_APPLICABLE | CHECKS_NOT_APPLICABLE
