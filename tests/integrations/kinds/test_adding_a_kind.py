"""The recipe of `docs/adding-a-kind.md`, followed: its kind is built from the page's own code, saved and run."""

import importlib
import itertools
import re
import sys
from typing import Any

import pytest
from django.urls import reverse

from accounts.common.environments import Environment
from config.demo import upstream
from integrations import kinds
from integrations.editing.integrations import create_integration
from integrations.models import Integration, Run, SecretReference
from tests.support.source import ROOT
from tests.support.things import store_secret
from tests.support.web.sent_by_browsers import form_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline", "status_page")]

VALUE = "value-of-the-status-page"
NEW = "/o/harbor-clinics/integrations/new/status_page/"
PACKAGE = "integrations.kinds.status_page"


def blocks(language: str) -> list[str]:
    """The code of the page, block by block."""
    page = (ROOT / "docs/adding-a-kind.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def table_with_the_line() -> str:
    """The module of the table of kinds, each added line of the page below the line that it follows there."""
    source = (ROOT / "integrations/kinds/__init__.py").read_text()
    for before, line in itertools.pairwise(blocks("diff")[0].splitlines()):
        if line.startswith("+"):
            assert source.count(f"{before[1:]}\n") == 1
            source = source.replace(f"{before[1:]}\n", f"{before[1:]}\n{line[1:]}\n")
    return source


@pytest.fixture
def status_page(tmp_path, monkeypatch):
    """The page's package beside the real ones, and its line in the table, until the test ends."""
    package = tmp_path / "status_page"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "kind.py").write_text("\n\n".join(blocks("python")))
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    table: dict[str, Any] = {}
    exec(table_with_the_line(), table)
    monkeypatch.setitem(kinds.KINDS, "status_page", table["KINDS"]["status_page"])
    yield
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@pytest.fixture
def server():
    """A status page on loopback: what it was sent, and its address."""
    received: list[dict] = []
    with upstream.serving(0, received.append) as port:
        yield received, f"http://127.0.0.1:{port}"


def config(url: str) -> dict[str, str]:
    return {"base_url": url, "token": "{secrets.status.token}"}


def test_the_service_saves_it_and_the_broker_runs_it(run, owner, server):
    received, url = server
    store_secret(owner, "status.token", VALUE)
    found = create_integration(
        actor=owner,
        kind="status_page",
        name="Incidents",
        environments=[Environment.STAGING],
        config=config(url),
    )
    assert [row.slot for row in SecretReference.objects.all()] == ["auth.token"]
    result = run(owner, found, Environment.STAGING, "announce", {"title": "No calls"})
    assert (received[0]["method"], received[0]["path"]) == ("POST", "/incidents")
    assert f"Bearer {VALUE}" in str(received[0])
    assert VALUE not in str(result.as_json())
    assert Run.objects.get().operation == "announce"


def test_the_api_describes_tests_and_runs_it(caller, owner, server):
    received, url = server
    store_secret(owner, "status.token", VALUE)
    body = {"kind": "status_page", "name": "Incidents", "environments": ["staging"], "config": config(url)}
    address = f"/integrations/{caller.post('/integrations', body)['id']}"
    assert [found["name"] for found in caller.get(f"{address}/operations")["items"]] == ["announce"]
    assert caller.post(f"{address}/test", {"environment": "staging"})["ok"] is True
    answer = caller.post(f"{address}/run", {"environment": "staging", "params": {"title": "No calls"}})
    assert (answer["outcome"], answer["masked"]) == ("succeeded", ["status.token"])
    assert [request["path"] for request in received] == ["/me", "/incidents"]
    assert caller.problem("post", f"{address}/run", {"environment": "staging"}) == (422, "invalid_arguments")


def test_the_page_saves_what_was_typed(as_owner, organization, server):
    _, url = server
    assert as_owner.get(NEW).context["values"]["token"] == ""
    typed = {"name": "Incidents", "enabled": "on", "environments": ["staging"], **config(url)}
    assert as_owner.post(NEW, typed).status_code == 303
    found = Integration.objects.get()
    assert found.config == config(url)
    address = reverse("integration-edit", args=[organization.slug, found.id])
    shown = as_owner.get(address)
    assert "Agents announce incidents on it." in shown.content.decode()
    assert as_owner.post(address, form_with(shown, "base_url")).status_code == 303
    assert "Incidents" in as_owner.get(f"/o/{organization.slug}/integrations/").content.decode()


@pytest.mark.parametrize("token", ["{params.title}", "{secrets.", "two\nlines"])
def test_a_token_that_cannot_be_sent_is_refused(caller, token):
    body = {"kind": "status_page", "name": "Incidents", "config": {"base_url": "https://status.example.com"}}
    body["config"]["token"] = token
    assert caller.errors("post", "/integrations", body) == ["config.token"]
