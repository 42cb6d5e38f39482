"""`dry_run`: the parameter, and what the answers have besides."""

from typing import Any

from config.api.answering.dry_runs import DryRunAnswerOut
from config.api.answering.rules import has_dry_run
from config.api.document.calls import REF, DocumentedCall, schema_of

PARAMETER = {
    "in": "query",
    "name": "dry_run",
    "required": False,
    "description": "Answer what would change, and change nothing. The answer is 200 with the member `dry_run`.",
    "schema": {"type": "boolean"},
}
DRY_RUN = {"description": "Of a dry run alone: what would change.", "$ref": REF.format("DryRunOut")}


def add_dry_runs(calls: list[DocumentedCall], schemas: dict[str, Any]) -> None:
    """Add the parameter, the answer 200, and the member `dry_run` to the schemas of answers."""
    own = DryRunAnswerOut.model_json_schema(ref_template=REF.format("{model}"), mode="serialization")
    schemas |= own.pop("$defs") | {own["title"]: own}
    for call in calls:
        if not has_dry_run(call.operation):
            continue
        call.about["parameters"].append(PARAMETER)
        (answer,) = list(call.successes.values())[:1]
        named = schema_of(answer) or own["title"]
        schemas[named]["properties"]["dry_run"] = DRY_RUN
        if 200 not in call.answers:  # noqa: PLR2004 - OK
            content = {"application/json": {"schema": {"$ref": REF.format(named)}}}
            call.answers[200] = {"description": "What would change", "content": content}
