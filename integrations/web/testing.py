"""*Send test*: running an operation of the saved integration, and showing the result beside the form."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.fields import write_json
from accounts.errors import FieldError, Refusal
from accounts.policy import Permission
from accounts.web.replies import is_fragment
from integrations.broker import broker
from integrations.broker.masking import Answer, BodyType
from integrations.broker.preparation import Call
from integrations.exchange.messages import PreviewRequest
from integrations.kinds.base import Operation
from integrations.models import Integration, RunOutcome
from integrations.readiness import overview
from integrations.web import editor
from integrations.web.editing import NotSaved, save_first, tell_saved
from integrations.web.forms.arguments import argument_fields, read_arguments
from secrets_app.redaction.redactor import Reason

TOO_DEEP = "The response is nested too deeply to be shown."
MOST_SHOWN = 262_144
"""Characters of a body that the page shows."""

_ARGUMENT = re.compile(r"params\.([A-Za-z0-9_-]+)", re.ASCII)


class NotSent(Refusal):
    """The test panel is incomplete. Nothing was sent or recorded."""

    code, status, title = "not_sent", 422, "Not sent"


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of a test: the refusal, or the masked request and response."""

    refusal: Refusal | None = None
    errors: list[FieldError] = field(default_factory=list)
    run_id: object = None
    succeeded: bool = False
    status: int | None = None
    reason: str = ""
    duration_ms: int | None = None
    size_bytes: int | None = None
    preview: PreviewRequest | None = None
    body_type: str = ""
    body_text: str = ""
    masked: list[str] = field(default_factory=list)
    withheld: Reason | None = None

    @property
    def http_status(self) -> int:
        """422 if the panel must be filled in differently, otherwise 200, also for a failed test."""
        return 422 if self.refusal and self.refusal.status == 422 else 200  # noqa: PLR2004 - "unprocessable content"


@require_POST
@requires(Permission.INTEGRATIONS_RUN)
def test(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Run the operation and show the result, in the panel for htmx or on the whole page."""
    integration = Integration.objects.fetch(actor, integration_id)
    integration.organization = actor.organization
    try:
        saved, refused = save_first(request, actor, integration), None
    except NotSaved as refusal:
        saved, refused = None, TestResult(refusal=refusal)
    integration = saved or integration
    operation = editor.chosen_operation(integration, request.POST.get("operation", ""))
    environment = next((item for item in Environment if item.value == request.POST.get("environment")), None)
    result = refused or _run_test(actor, integration, environment, operation, request)
    wrong = {found[1]: error.message for error in result.errors if (found := _ARGUMENT.match(error.field))}
    arguments = argument_fields(operation.parameters, request.POST, wrong)
    shown = editor.operation_panel(integration, operation.name, environment=environment, arguments=arguments)
    context: dict[str, Any] = {"result": result, "test": shown}
    if is_fragment(request):
        context |= {"integration": overview.one(actor, integration_id), "saved": saved}
        answer = render(request, "integrations/_test_answer.html", context, status=result.http_status)
        return tell_saved(answer, saved)
    return editor.page(request, actor, integration.kind, integration=integration, status=result.http_status, **context)


@require_safe
@requires(Permission.INTEGRATIONS_RUN)
def arguments(request: CofferRequest, actor: Actor, integration_id: UUID) -> HttpResponse:
    """Render the argument fields of another operation."""
    integration = Integration.objects.fetch(actor, integration_id)
    context = {"test": editor.operation_panel(integration, request.GET.get("operation", ""))}
    return render(request, "integrations/_test_arguments.html", context)


def _run_test(
    actor: Actor,
    integration: Integration,
    environment: Environment | None,
    operation: Operation,
    request: CofferRequest,
) -> TestResult:
    post, files = request.POST, request.FILES
    try:
        if environment is None:
            raise NotSent("Choose an environment to test in: Development, Staging or Production.")
        if environment is Environment.PRODUCTION and "confirm_production" not in post:
            raise NotSent("Production is live. Tick “Send it to Production anyway” to call it with the live value.")
        params = read_arguments(operation.parameters, post, files)
        return _result(async_to_sync(broker.run)(actor, Call(integration.id, environment, operation.name, params)))
    except Refusal as refusal:
        return TestResult(refusal=refusal, errors=refusal.errors, run_id=refusal.members.get("run_id"))


def _result(run: broker.RunResult) -> TestResult:
    answer = run.answer
    return TestResult(
        run_id=run.run_id,
        succeeded=run.outcome is RunOutcome.SUCCEEDED,
        status=answer.status,
        reason=_printable(answer.reason),
        duration_ms=run.duration_ms,
        size_bytes=answer.body_bytes,
        preview=run.request,
        body_type=answer.body_type.value,
        body_text=_printable(_body_text(answer)),
        masked=answer.masked,
        withheld=answer.withheld,
    )


def _body_text(answer: Answer) -> str:
    """Return the body for display; empty if it is withheld."""
    if answer.body_type is not BodyType.JSON:
        return _shortened(answer.body or "")
    try:
        return _shortened(write_json(answer.body, is_ascii=False, indent=2))
    except RecursionError:
        return TOO_DEEP


def _shortened(text: str) -> str:
    """Return the beginning of a text that is too long for a page, and how long it is."""
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]}\n… {len(text) - MOST_SHOWN:,} more characters. Callers of the API get all of them."


def _printable(text: str) -> str:
    """Escape unpaired surrogates, which an upstream may send and a page cannot contain."""
    return text.encode("utf-8", "backslashreplace").decode()
