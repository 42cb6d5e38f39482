"""Spans of runs and their steps, sent to a collector of OpenTelemetry.

Attributes are ids, codes and the kind, as in the log; never an address, an argument or the text of an exception. The
provider is Coffer's own and not the global one, so no library adds spans of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from django.core.exceptions import ImproperlyConfigured
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import get_current_span

from accounts.common import observers
from config.logs import REQUEST_ID

Step = Callable[[str], AbstractContextManager[object]]


def provider_to(address: str) -> TracerProvider:
    """Return what sends spans to the collector at this address, in batches.

    Raises:
        ImproperlyConfigured: the exporter is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImproperlyConfigured(
            "COFFER_TRACES is set, but opentelemetry-exporter-otlp-proto-http is not installed. Install it, or leave "
            "COFFER_TRACES out."
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "coffer"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return provider


def trace(provider: TracerProvider) -> None:
    """Make spans from now on, around what measures steps already."""
    observers.step = _with_spans(provider, observers.step)
    observers.RUN_ENDED.append(describe_run)


def describe_run(ids: Mapping[str, str], outcome: str, code: str) -> None:
    """Say in the span of a run which run it was and how it ended."""
    said = {**ids, "outcome": outcome, "code": code, "request_id": REQUEST_ID.get()}
    get_current_span().set_attributes({f"coffer.{name}": value for name, value in said.items() if value})


def _with_spans(provider: TracerProvider, inner: Step) -> Step:
    tracer = provider.get_tracer("coffer")

    @contextmanager
    def step(name: str) -> Iterator[None]:
        span = tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)
        with span, inner(name):
            yield

    return step
