"""Links: where the ids in an answer lead."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from config.api.document.calls import DocumentedCall

SECRET = {"secret_id": "id", "secret_name": "name"}
INTEGRATION = {"integration_id": "id", "integration_name": "name"}
FOUND_IN = {
    "create_secret": SECRET,
    "put_secret_by_name": SECRET,
    "create_integration": INTEGRATION,
    "put_integration_by_name": INTEGRATION,
    "duplicate_integration": INTEGRATION,
    "create_webhook": {"endpoint_id": "id"},
    "start_session": {"session_id": "id"},
    "run_integration": {"run_id": "run_id"},
    "list_runs": {"run_id": "items/0/id"},
    "list_approvals": {"approval_id": "items/0/id"},
    "list_agent_tools": {"tool_id": "items/0/id"},
    "list_deliveries": {"delivery_id": "items/0/id"},
}
"""By operation: parameters of other operations, and where their values stand in its answer."""
HELD = {"approval_id": "id"}
"""The same of the answer to a call that waits for a person."""
CARRIED = {"list_agent_tools": "integration_id", "list_deliveries": "endpoint_id"}
"""By operation: the parameter of its own address that the linked operations have too."""

OF_SOME_KINDS = {"list_offered_tools", "approve_tool", "approve_tools", "withdraw_approval"}
"""Operations that only integrations of some kinds have: for others they are 404."""


def add_links(calls: list[DocumentedCall]) -> None:
    """Add links to the answers in which ids are found."""
    for call in calls:
        links, of_held = dict(_links(call, calls, FOUND_IN.get(call.id, {}))), dict(_links(call, calls, HELD))
        is_create = call.operation.methods == ["POST"] and HTTPStatus.CREATED in call.answers
        for status, answer in call.successes.items():
            if links and not (is_create and status == HTTPStatus.OK):  # the 200 of a create is a dry run
                answer["links"] = of_held if status == HTTPStatus.ACCEPTED else links


def _links(
    call: DocumentedCall, calls: list[DocumentedCall], found: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for parameter, place in found.items():
        for other in calls:
            if f"{{{parameter}}}" in other.path and other.id not in OF_SOME_KINDS:
                parameters = {f"path.{parameter}": f"$response.body#/{place}"}
                if carried := CARRIED.get(call.id):
                    parameters[f"path.{carried}"] = f"$request.path.{carried}"
                yield other.id, {"operationId": other.id, "parameters": parameters}
