"""The pages of runs: the list with its filters and pages, one run with its steps and the way out, checks again."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.models import Run, RunOutcome
from integrations.runs import reading
from integrations.web.runs import listing
from secrets_app.editing.secrets import set_enabled
from tests.factories import RunFactory, RunSecretFactory
from tests.peers.upstreams import answering, http
from tests.support.things import VALUE, make_action, store_secret

pytestmark = pytest.mark.django_db

URL = "/o/harbor-clinics/runs/"
HTMX = {"HX-Request": "true"}
S = Environment.STAGING


def page(client, query="", status=200, **headers):
    response = client.get(query if query.startswith("/") else URL + query, headers=headers)
    assert response.status_code == status
    return response.content.decode()


def record(owner, name="Look up patient", minutes=0, **columns):
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC) - timedelta(minutes=minutes)
    return RunFactory(organization=owner.organization, integration_name=name, **{"started_at": moment, **columns})


def named(content):
    """The integrations of the rows, in order."""
    table = content.partition("<tbody>")[2].partition("</tbody>")[0]
    return [row.partition("</a>")[0].rpartition(">")[2] for row in table.split('class="bare full first"')[1:]]


def test_list_shows_runs_newest_first_and_never_a_value(as_owner, owner):
    used = store_secret(owner)
    run = record(owner, "Second", 5, status=401, upstream_error=True, error_code="")
    RunSecretFactory(run=run, secret_id=used.id)
    record(owner, "First", refused=True, caller="API key <b>agent</b>")
    content = page(as_owner)
    assert named(content) == ["First", "Second"]
    assert "secret_disabled" in content and ">401<" in content and ">crm.apiKey</a>" in content
    assert "1–2 of 2" in content  # noqa: RUF001 - as it is on the page
    assert "&lt;b&gt;agent" in content and VALUE not in content


def test_no_runs_yet_and_no_run_that_matches_are_different_pages(as_owner, owner):
    assert "No runs yet" in page(as_owner)
    record(owner)
    assert "No run matches" in page(as_owner, "?code=upstream_tls")


def test_filters_are_in_the_address(as_owner, owner, outsider):
    key, secret = uuid4(), uuid4()
    wanted = record(
        owner, "Wanted", 10, environment="production", principal_id=key, caller_id=uuid4(), failed=True,
        operation="contacts.search", host="crm.example.com", request_id="req-7f3a9b21",
    )  # fmt: skip
    RunSecretFactory(run=wanted, secret_id=secret)
    record(owner, "Upstream", 20, status=503, outcome="upstream_error", environment="development")
    record(owner, "Fine", 30, note="REGISTER, nonce 1")
    record(outsider, "Theirs")
    found = {
        "": ["Wanted", "Upstream", "Fine"],
        f"integration={wanted.integration_id}": ["Wanted"],
        f"secret={secret}": ["Wanted"],
        "environment=production": ["Wanted"],
        f"caller={key}": ["Wanted"],
        "outcome=failed": ["Wanted"],
        "outcome=upstream_error": ["Upstream"],
        "outcome=succeeded": ["Fine"],
        "outcome=started": [],
        "code=upstream_timeout": ["Wanted"],
        "status=503": ["Upstream"],
        "status=5xx": ["Upstream"],
        "status=200": ["Fine"],
        "status=2xx": ["Fine"],
        "since=2026-03-01T11:45": ["Wanted"],
        "until=2026-03-01T11:35": ["Fine"],
        f"secret={secret}&since=2026-03-01T11:55": [],
        "period=hour": [],
        "q=contacts": ["Wanted"],
        "q=CRM.example": ["Wanted"],
        "q=register": ["Fine"],
        f"q={wanted.pk}": ["Wanted"],
        "q=req-7f3a9b21": ["Wanted"],
        "q=nothing": [],
        "environment=production&status=503": [],
    }
    assert {query: named(page(as_owner, f"?{query}")) for query in found} == found
    shown = page(as_owner, "?environment=production&q=contacts")
    assert '<option value="production" selected>' in shown and 'value="contacts"' in shown
    assert "<!doctype" not in page(as_owner, "?outcome=failed", **HTMX)


BAD_FILTERS = ["integration=x", "secret=x", "environment=live", "caller=x", "outcome=fine", "status=99", "status=9xx",
               "since=soon", "period=year", "cursor=x"]  # fmt: skip


def test_filters_that_cannot_be_read_are_refused(as_owner, owner):
    record(owner)
    for query in BAD_FILTERS:
        assert "Clear the filters" in page(as_owner, f"?{query}", 422)


def test_pages_go_forth_and_back(as_owner, owner, monkeypatch):
    monkeypatch.setattr(listing, "ROWS_PER_PAGE", 2)
    monkeypatch.setattr(reading, "COUNTED_AT_MOST", 4)
    for number in range(5):
        record(owner, f"Run {number}", number)
    seen, address = [], URL
    while address:
        content = page(as_owner, address)
        seen.append((named(content), content.partition('aria-label="Pages of runs"><span>')[2].partition("</span>")[0]))
        address = link(content, "Older")
    expected_pages = [["Run 0", "Run 1"], ["Run 2", "Run 3"], ["Run 4"]]
    assert [names for names, _ in seen] == expected_pages
    assert [words for _, words in seen] == [f"{place} of more than 4" for place in ("1–2", "3–4", "5–5")]  # noqa: RUF001
    back = page(as_owner, link(content, "Newer"))
    assert (named(back), link(back, "Newer")) == (["Run 2", "Run 3"], URL)


def link(content, label):
    """The address of a link with this label; empty without one."""
    before, found, _ = content.partition(f'aria-label="{label}" hx-get')
    return before.rpartition('href="')[2].rstrip('" ').replace("&amp;", "&") if found else ""


def test_new_runs_are_told_and_shown_on_a_click(as_owner, owner):
    record(owner, "Old")
    content = page(as_owner, "?environment=staging")
    asks = content.partition('id="new-runs"')[2].partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    assert page(as_owner, asks, 204) == ""
    record(owner, "New", -5)
    record(owner, "Elsewhere", -5, environment="production")
    told = page(as_owner, asks)
    assert "1 new run, show it" in told and f'href="{URL}?environment=staging"' in told
    assert f'href="{URL}"' in page(as_owner, asks.partition("&back=")[0] + "&back=https://evil.example.com")


def test_run_shows_its_steps_its_secrets_and_no_more(as_owner, owner, run):
    store_secret(owner)
    with answering(lambda request, connection: connection.sendall(http(request))) as url:
        result = run(owner, make_action(owner, base_url=url), S)
    content = page(as_owner, f"{result.run_id}/")
    for words in ("Secrets opened", "crm.apiKey, version 1", "127.0.0.1 may be called", "Status 200", "Recorded"):
        assert words in content
    assert "Coffer never keeps a body" in content
    assert VALUE not in content and "/patients" not in content


def test_refused_run_names_the_secret_and_leads_to_it(as_owner, owner, run):
    action = make_action(owner)
    with pytest.raises(Refusal):
        run(owner, action, S)
    address = f"{Run.objects.get().pk}/"
    content = page(as_owner, address)
    assert "Not sent: a secret has no value here" in content and "Not reached" in content
    assert 'href="/o/harbor-clinics/secrets/new/?name=crm.apiKey"' in content and "Create crm.apiKey" in content
    secret = store_secret(owner)
    assert "It has been mended since" in page(as_owner, address)
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    with pytest.raises(Refusal):
        run(owner, action, S)
    latest = Run.objects.order_by("-started_at").first()
    assert f"/secrets/{secret.id}/edit/#f-enabled" in page(as_owner, f"{latest.pk}/")


def test_upstream_that_refuses_the_credential_leads_to_the_rotation(as_owner, owner):
    secret = store_secret(owner)
    run = record(owner, status=401, outcome="upstream_error", integration_id=make_action(owner).id)
    RunSecretFactory(run=run, secret_id=secret.id)
    content = page(as_owner, f"{run.pk}/")
    assert "Rotate crm.apiKey" in content and f"/secrets/{secret.id}/rotate/" in content
    assert "The steps of this run were not measured" in content


def test_run_under_way_is_asked_for_until_it_ends(as_owner, owner):
    run = record(owner, started=True, started_at=timezone.now(), steps={"admitted": 1.2})
    address = f"{URL}{run.pk}/trace/"
    assert f'hx-get="{address}"' in page(as_owner, f"{run.pk}/")
    assert page(as_owner, address, 204, **HTMX) == ""
    Run.objects.update(outcome=RunOutcome.SUCCEEDED.value, duration_ms=7)
    ended = page(as_owner, address, **HTMX)
    assert "Succeeded" in ended and "hx-trigger" not in ended
    Run.objects.update(outcome="started", started_at=timezone.now() - timedelta(hours=2))
    assert "It has no end" in page(as_owner, f"{run.pk}/")


@pytest.mark.usefixtures("inline")
def test_check_runs_again_and_nothing_else_does(as_owner, owner):
    store_secret(owner)
    with answering(lambda request, connection: connection.sendall(http(request))) as url:
        action = make_action(owner, base_url=url, check={"method": "GET", "path": "/me"})
        check = record(owner, operation="check", integration_id=action.id, environment="staging")
        assert "Run again" in page(as_owner, f"{check.pk}/")
        response = as_owner.post(f"{URL}{check.pk}/again/")
    made = Run.objects.exclude(pk=check.pk).get()
    assert (response.status_code, response.url) == (303, f"{URL}{made.pk}/")
    assert (made.operation, made.outcome) == ("check", "succeeded")
    call = record(owner, integration_id=action.id)
    assert "Run again" not in page(as_owner, f"{call.pk}/")
    assert as_owner.post(f"{URL}{call.pk}/again/").status_code == 422


def test_runs_are_a_tab_of_integration_secret_and_key(as_owner, owner):
    secret, action = store_secret(owner), make_action(owner)
    run = record(owner, "Look up patient", integration_id=action.id)
    RunSecretFactory(run=run, secret_id=secret.id)
    record(owner, "Another")
    for address in (f"integrations/{action.id}/runs/", f"secrets/{secret.id}/runs/"):
        content = page(as_owner, f"/o/harbor-clinics/{address}")
        assert content.count(f"{URL}{run.pk}/") >= 1 and "1–1 of 1" in content  # noqa: RUF001
    assert page(as_owner, f"/o/harbor-clinics/secrets/{uuid4()}/runs/", 404)
    assert f"/integrations/{action.id}/runs/" in page(as_owner, f"/o/harbor-clinics/integrations/{action.id}/")


def test_files_hold_what_the_filters_leave(as_owner, owner):
    run = record(owner, "=HYPERLINK(1)", 5, steps={"admitted": 0.4}, request_id="req-1")
    RunSecretFactory(run=run, name="crm.apiKey", version=3)
    record(owner, "Other", environment="production")
    text = b"".join(as_owner.get(f"{URL}csv/?environment=staging")).decode()
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["integration_name"], row["secrets"], row["admitted_ms"]) == ("'=HYPERLINK(1)", "crm.apiKey 3", "0.4")
    lines = b"".join(as_owner.get(f"{URL}jsonl/")).decode().splitlines()
    assert [json.loads(line)["environment"] for line in lines] == ["production", "staging"]
    assert json.loads(lines[1])["steps"] == [{"name": "admitted", "duration_ms": 0.4}]
