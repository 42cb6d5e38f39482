"""Completes the document that the framework writes."""

from typing import Any

from ninja.operation import Operation

from config.api.document import answers, conditions, dry_runs, examples, inputs, kinds, limits, links
from config.api.document.calls import calls_of

ABOUT = """\
Values go in and never come out; only authenticated calls do.

**Limits.** A request has at most 2.5 MiB, a run 16 MiB. A page of a list has at most 200 items. An API key makes 100 \
calls at once and has no limit by the minute, unless set otherwise; beyond, the answer is 429 with `Retry-After`.

**Ids of requests.** Every answer has the header `X-Request-ID`. A request may bring its own, of 8 to 128 of the \
characters `A-Z a-z 0-9 . _ : / + = @ -`.

**Refusals** are problem documents (RFC 9457). Their `code` is stable; the description of each status lists its codes.
"""

SECURITY = {
    "ApiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a session of one: `Authorization: Bearer cof_…`.",
    }
}


def complete(document: dict[str, Any], operations: dict[str, Operation]) -> dict[str, Any]:
    """Complete a document in place, and return it.

    Args:
        operations: all operations by their id.
    """
    parts = document["components"]
    schemas = parts["schemas"]
    document["info"]["description"] = ABOUT
    calls = list(calls_of(document, operations))
    for call in calls:
        call.about["security"] = [{name: [] for name in SECURITY}]
    dry_runs.add_dry_runs(calls, schemas)
    limits.add_limits(schemas)
    kinds.add_configurations(schemas)
    inputs.drop_defaults(schemas)
    for call in calls:
        conditions.add_conditions(call)
        answers.complete_answers(call)
        examples.add_examples(call)
    links.add_links(calls)
    parts |= {"securitySchemes": SECURITY, "headers": answers.HEADERS, "responses": answers.problems_of(calls)}
    parts["schemas"] = dict(sorted(schemas.items()))
    return document
