"""The HTTP API, version 1: collects the apps' routers and gives every refusal the same shape."""

from collections.abc import Iterator
from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError, ValidationErrorContext
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.responses import NinjaJSONEncoder
from typing_extensions import override

from accounts.api.audit import router as audit_router
from accounts.api.authentication import ApiKeyAuth
from accounts.api.key import router as key_router
from accounts.api.organization import router as organization_router
from accounts.api.schemas import ERRORS_AT_MOST, NOT_VALID, field_of, sentence_of
from accounts.api.sessions import router as sessions_router
from accounts.common.fields import write_json
from accounts.common.proposals import fields_at, no_such
from accounts.errors import FieldError, Invalid, InvalidJson, Refusal, TooLarge, Unauthenticated
from config.api.answering.around import wrap_operations
from config.api.answering.held import answer_to
from config.api.answering.idempotency import AnsweredBefore
from config.api.answering.rules import operation_id
from config.api.document.completing import complete
from config.api.reference import Reference
from config.http.errors import TOO_LARGE, problem
from config.http.requests import read_json
from integrations.api.agent_tools import router as agent_tools_router
from integrations.api.approvals.endpoints import router as approvals_router
from integrations.api.budget import router as budget_router
from integrations.api.by_name import integrations_by_name, secrets_by_name
from integrations.api.configuration import router as configuration_router
from integrations.api.configuration import schema_router
from integrations.api.imports import router as imports_router
from integrations.api.integrations import router as integrations_router
from integrations.api.kinds import router as kinds_router
from integrations.api.readiness import router as readiness_router
from integrations.api.rotation import router as rotation_router
from integrations.api.rules import router as rules_router
from integrations.api.runs import router as runs_router
from integrations.api.secrets import router as replacing_router
from integrations.api.services import router as services_router
from integrations.api.tools import router as tools_router
from integrations.api.webhooks import router as webhooks_router
from integrations.errors import RawCredential
from secrets_app.api.importing import router as import_router
from secrets_app.api.secrets import router as secrets_router
from secrets_app.errors import ValueTooShort

BODY_PARTS = {"body", "query", "path", "payload"}

WAYS_OUT = {
    ValueTooShort.code: "To store so short a value, send allow_short: true.",
    RawCredential.code: "If it is none, send accept_raw_credentials: true.",
}
"""What a caller sends to confirm, by the code of the refusal. The pages ask with a checkbox."""


class StrictJsonParser(Parser):
    """A parser for RFC 8259 and nothing beyond: no NaN, no repeated names, no nesting that exhausts the stack."""

    @override
    def parse_body(self, request: HttpRequest) -> Any:
        """Return the parsed body.

        Raises:
            InvalidJson: the body is not valid JSON.
        """
        return read_json(request.body)


class Api(NinjaAPI):
    """The API, with a document from which clients are generated."""

    @override
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the id of an operation, such as `create_secret`. Generated clients call it so."""
        return operation_id(operation)

    @override
    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """Return the document, completed. It is made once: that takes a second, and anybody may ask for it."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        if prefix not in self._documents:
            document = super().get_openapi_schema(path_prefix=prefix)
            complete(document, {operation_id(operation): operation for operation in self._operations()})
            self._documents[prefix] = document
        return self._documents[prefix]

    @cached_property
    def _documents(self) -> dict[str, OpenAPISchema]:
        return {}

    def _operations(self) -> Iterator[Operation]:
        for router in self._get_bound_routers():
            for view in router.path_operations.values():
                yield from view.operations

    @override
    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        """Return the faults of a request. Those about unknown fields name the known ones."""
        faults = super().validation_error_from_error_contexts(error_contexts)
        models = {context.model.__ninja_param_source__: context.model for context in error_contexts}
        listed: set[tuple[object, ...]] = set()
        for fault in faults.errors[:ERRORS_AT_MOST]:
            if fault["type"] == "extra_forbidden":
                source, *path, name = fault["loc"]
                is_first = tuple(fault["loc"][:-1]) not in listed
                fault["msg"] = no_such("field", str(name), fields_at(models[source], path), lists=is_first)
                listed.add(tuple(fault["loc"][:-1]))
        return faults


class WrittenJson(BaseRenderer):
    """Writes responses as JSON, with the numbers of configurations as somebody wrote them."""

    media_type = "application/json"

    @override
    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        """Return the text of a response."""
        return write_json(data, default=NinjaJSONEncoder().default)


api = Api(
    title="Coffer",
    version="1",
    description="Values go in and never come out; only authenticated calls do.",
    urls_namespace="api-1",
    auth=ApiKeyAuth(),
    parser=StrictJsonParser(),
    renderer=WrittenJson(),
    docs=Reference(),
)
api.add_router("/secrets", secrets_router, tags=["Secrets"])
api.add_router("/secrets", secrets_by_name, tags=["Secrets"])
api.add_router("/secrets", import_router, tags=["Secrets"])
api.add_router("/secrets", rotation_router, tags=["Rotation"])
api.add_router("/secrets", replacing_router, tags=["Secrets"])
api.add_router("/integrations", integrations_router, tags=["Integrations"])
api.add_router("/imports", imports_router, tags=["Imports"])
api.add_router("/integrations", integrations_by_name, tags=["Integrations"])
api.add_router("/integrations", budget_router, tags=["Integrations"])
api.add_router("/integrations", tools_router, tags=["Integrations"])
api.add_router("/integrations", agent_tools_router, tags=["Integrations"])
api.add_router("/integrations", rules_router, tags=["Rules"])
api.add_router("/kinds", kinds_router, tags=["Integrations"])
api.add_router("/readiness", readiness_router, tags=["Integrations"])
api.add_router("/services", services_router, tags=["Integrations"])
api.add_router("/configuration", configuration_router, tags=["Configuration"])
api.add_router("", schema_router)
api.add_router("/key", key_router, tags=["Key"])
api.add_router("/organization", organization_router, tags=["Key"])
api.add_router("/sessions", sessions_router, tags=["Sessions"])
api.add_router("/webhooks", webhooks_router, tags=["Webhooks"])
api.add_router("/approvals", approvals_router, tags=["Approvals"])
api.add_router("/runs", runs_router, tags=["Records"])
api.add_router("/audit-events", audit_router, tags=["Records"])
wrap_operations(api)


@api.exception_handler(Refusal)
def refused(_request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Respond to a refusal of a service, with the way out in the API's words."""
    if way_out := WAYS_OUT.get(refusal.code):
        refusal.detail = f"{refusal.detail} {way_out}".strip()
    return answer_to(refusal)


@api.exception_handler(AnsweredBefore)
def answered_before(_request: HttpRequest, outcome: AnsweredBefore) -> HttpResponse:
    """Respond to a request that was carried out before with its first answer."""
    return outcome.response()


@api.exception_handler(AuthenticationError)
def unauthenticated(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    """Respond to a call without an API key."""
    return problem(Unauthenticated("Send an API key: Authorization: Bearer cof_…"))


@api.exception_handler(ValidationError)
def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Respond to input that the schemas refuse, with the field and the reason but without the input."""
    errors = [FieldError(_field(entry["loc"]), sentence_of(entry)) for entry in error.errors[:ERRORS_AT_MOST]]
    return problem(Invalid(NOT_VALID, errors=errors))


@api.exception_handler(HttpError)
def http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """Respond to a body that is not JSON.

    Ninja turns any error of a parser into a 400 and raises no other `HttpError`.
    """
    if error.status_code != HTTPStatus.BAD_REQUEST:
        raise error
    return problem(InvalidJson("The body is not valid JSON."))


@api.exception_handler(RequestDataTooBig)
def too_large(_request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    """Respond to a body larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`."""
    return problem(TooLarge(TOO_LARGE))


@api.exception_handler(Exception)
def fault(_request: HttpRequest, error: Exception) -> HttpResponse:
    """Let Django handle unexpected exceptions: in development mode, ninja would send the traceback."""
    raise error


def _field(location: tuple[Any, ...]) -> str:
    """Return the path of a field without the part of the request that it is in."""
    parts = list(location)
    while parts and parts[0] in BODY_PARTS:
        parts.pop(0)
    return field_of(tuple(parts))
