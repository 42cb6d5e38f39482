"""What the page of an import shows of a draft and a plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from accounts.actors import Actor
from accounts.errors import FieldError
from integrations.importing.drafts import Draft, Outline
from integrations.importing.plan import CONNECTOR, NEW, NONE, ImportOptions, ImportPlan, PlannedAction
from integrations.kinds import KINDS
from integrations.models import Integration

ALL, OTHER = "All operations", "Other operations"
OPEN_UP_TO = 40
"""Up to how many operations all groups are open."""


def groups(draft: Draft, chosen: Iterable[str]) -> list[dict[str, Any]]:
    """Return the operations by their first tag, with those that are chosen."""
    wanted = set(chosen)

    def tag(outline: Outline) -> str:
        return outline.tags[0] if outline.tags else ""

    shown: list[dict[str, Any]] = []
    is_short = len(draft.outlines) <= OPEN_UP_TO
    for name, outlines in groupby(sorted(draft.outlines, key=tag), key=tag):
        rows = [{"outline": each, "chosen": each.key in wanted} for each in outlines]
        count = sum(row["chosen"] is True for row in rows)
        title = name or (OTHER if shown or len(rows) < len(draft.outlines) else ALL)
        shown.append({"tag": title, "rows": rows, "chosen": count, "open": is_short or count > 0})
    return shown


def preview(actor: Actor, draft: Draft, options: ImportOptions, plan: ImportPlan) -> dict[str, Any]:
    """Return what would be made."""
    keys = dict.fromkeys(key for each in plan.actions for key in each.draft.needs)
    connectors = list(Integration.objects.visible_to(actor).filter(kind=CONNECTOR).order_by("name"))
    return {
        "plan": plan,
        "addresses": draft.addresses,
        "schemes": [_scheme(draft, plan, options, key, connectors) for key in keys],
        "secrets": plan.secrets,
        "has_values": any(each.draft.has_value and not each.exists for each in plan.secrets),
        "actions": [_action(each, plan) for each in plan.actions],
    }


def with_controls(errors: Sequence[FieldError], shown: Mapping[str, Any]) -> list[FieldError]:
    """Return errors with the names of the page's controls: `action_names.GET /a` becomes `action-1`."""
    controls: dict[str, str] = {}
    for number, each in enumerate(shown["actions"], 1):
        controls |= {f"{start}.{each['outline'].key}": f"action-{number}" for start in ("operations", "action_names")}
    for number, secret in enumerate(shown["secrets"], 1):
        controls[f"secret_names.{secret.draft.name}"] = f"secret-{number}"
    for number, scheme in enumerate(shown["schemes"], 1):
        controls[f"connectors.{scheme['scheme'].key}"] = f"scheme-{number}"
    return [replace(each, field=controls.get(each.field, each.field)) for each in errors]


def _scheme(
    draft: Draft, plan: ImportPlan, options: ImportOptions, key: str, connectors: Sequence[Integration]
) -> dict[str, Any]:
    scheme, choice = draft.schemes[key], options.connectors.get(key, NEW)
    planned = plan.connectors.get(key)
    offered = [] if scheme.problem else [(NEW, f"New: {planned.name}" if planned and choice == NEW else "A new one")]
    offered += [(str(each.pk), each.name) for each in connectors]
    return {"scheme": scheme, "choice": choice, "offered": [*offered, (NONE, "None")]}


def _action(planned: PlannedAction, plan: ImportPlan) -> dict[str, Any]:
    kind = KINDS["api_action"]
    shown: dict[str, Any] = {
        "outline": planned.outline,
        "name": planned.name,
        "description": planned.description,
        "notes": planned.notes,
        "problem": planned.draft.problem,
        "address": planned.draft.address,
        "connector": plan.connectors[planned.connector].name if planned.connector else "",
    }
    if planned.draft.problem:
        return shown
    config = kind.read({**planned.config, "base_url": "https://example.com"})
    operation = kind.operations(config)[0]
    required = set(operation.parameters.get("required", ()))
    properties = operation.parameters["properties"].items()
    return shown | {
        "hint": _hint(read_only=operation.read_only, destructive=operation.destructive),
        "parameters": [
            {"name": name, "type": _type_of(each), "required": name in required, "said": each.get("description", "")}
            for name, each in properties
        ],
        "entries": [
            *_entries("Query", planned.config.get("query")),
            *_entries("Header", planned.config.get("headers")),
        ],
        "body": _body(planned.config.get("body", {})),
    }


def _hint(*, read_only: bool, destructive: bool) -> str:
    if read_only:
        return "Only reads"
    return "May destroy" if destructive else "Changes something"


def _type_of(declared: Mapping[str, Any]) -> str:
    """Return the type of a parameter in words: `string`, `array of string`, `one of open, closed`."""
    if declared.get("format") == "file":
        return "file"
    choices = declared.get("enum")
    if choices:
        more = ", …" if len(choices) > 6 else ""  # noqa: PLR2004 - as many as fit in a line
        return f"one of {', '.join(map(str, choices[:6]))}{more}"
    types = declared.get("type", "any")
    shown = types if isinstance(types, str) else " or ".join(types)
    items = declared.get("items", {}).get("type") if shown == "array" else None
    return f"array of {items}" if isinstance(items, str) else shown


def _entries(place: str, entries: object) -> list[tuple[str, str]]:
    listed = entries if isinstance(entries, list) else []
    return [(f"{place} {each['name']}", each["value"]) for each in listed]


def _body(body: Mapping[str, Any]) -> dict[str, Any]:
    content = body.get("content")
    if isinstance(content, list):
        return {"type": body["type"], "entries": [(each["name"], each["value"]) for each in content]}
    return {"type": body.get("type", "none"), "text": content or ""}
