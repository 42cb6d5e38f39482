"""Traces: a span for each step of a run, with ids and codes and nothing that was sent."""

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from accounts.common import observers
from config.asgi import application
from config.monitoring import traces
from config.monitoring.configuration import traces_address
from integrations.exchange.messages import UpstreamResponse
from integrations.models import Run
from tests.support.api.asgi import bearer, call_asgi
from tests.support.things import key_for, make_action, store_secret

WORD, REQUEST_ID = "plum-tree", "job-7:retry/2"


@pytest.fixture
def spans(monkeypatch):
    """The spans that have ended."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(observers, "RUN_ENDED", [])
    monkeypatch.setattr(observers, "step", observers.step)
    traces.trace(provider)
    yield exporter.get_finished_spans
    provider.shutdown()


@pytest.fixture
def calls(owner, monkeypatch):
    """A key and the address at which it runs an action whose upstream answers once and then breaks."""
    answers = [UpstreamResponse(200, b"OK", (), b"{}", readable=True)]

    async def answer(*_, **__):
        if answers:
            return answers.pop()
        raise RuntimeError(WORD)

    monkeypatch.setattr("integrations.transport.client.send", answer)
    store_secret(owner)
    parameters = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    action = make_action(owner, path="/{params.word}", parameters=parameters)
    return key_for(owner), f"/api/v1/integrations/{action.id}/run"


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
async def test_run_is_a_trace_of_its_steps(spans, calls):
    key, path = calls
    headers = [*bearer(key), (b"x-request-id", REQUEST_ID.encode())]
    body = {"environment": "staging", "params": {"word": WORD}}
    for environment in ("staging", "staging", "production"):
        await call_asgi(application, "POST", path, json.dumps({**body, "environment": environment}).encode(), headers)
    runs = [run async for run in Run.objects.order_by("started_at")]
    roots = {span.context.trace_id: span for span in spans() if span.parent is None}
    steps = [[one.name for one in spans() if one.parent and one.context.trace_id == trace] for trace in roots]
    assert {span.name for span in roots.values()} == {"run"}
    assert steps == [["admission", "upstream", "masking", "record"], ["admission", "upstream", "record"], ["admission"]]
    for span, run in zip(roots.values(), runs, strict=True):
        said = {
            "run_id": str(run.pk), "organization": str(run.organization_id), "integration": str(run.integration_id),
            "key": str(run.caller_id), "kind": run.kind, "environment": run.environment, "outcome": run.outcome,
            "code": run.error_code, "request_id": REQUEST_ID,
        }  # fmt: skip
        assert dict(span.attributes) == {f"coffer.{name}": value for name, value in said.items() if value}
    assert [run.error_code for run in runs] == ["", "internal_error", "environment_not_enabled"]
    written = " ".join(span.to_json() for span in spans())
    assert WORD not in written
    assert "api.example.com" not in written


def test_what_is_missing_is_told():
    assert traces_address("") == ""
    with pytest.raises(ImproperlyConfigured, match="COFFER_TRACES is no address"):
        traces_address("collector:4318")
    with pytest.raises(ImproperlyConfigured, match="exporter-otlp-proto-http is not installed"):
        traces.provider_to("http://127.0.0.1:4318/v1/traces")
