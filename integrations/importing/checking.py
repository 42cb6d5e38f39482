"""Whether a drafted action could be saved, by the rules of its kind, and what is done about it if not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accounts.errors import Invalid
from integrations.importing.drafts import DraftAction
from integrations.importing.texts import LONGEST_HINT, sentences
from integrations.kinds import KINDS
from integrations.paste_guard import credentials
from integrations.templating.parameter_schemas import check_schema

API_ACTION = "api_action"
_STAND_IN = "https://example.com"
_REMOVED = "[removed]"


def problem_with_action(config: Mapping[str, Any]) -> str:
    """Return why a configuration without connection cannot be saved; empty if it can."""
    kind = KINDS[API_ACTION]
    try:
        found = kind.problems(kind.read({**config, "base_url": _STAND_IN}))
    except Invalid as refusal:
        found = refusal.errors
    return f"{found[0].field.removeprefix('config.')}: {found[0].message}" if found else ""


def checked(action: DraftAction) -> DraftAction:
    """Return an action with the reason why it cannot be saved, if there is one."""
    problem = action.problem or problem_with_action(action.config)
    return replace(action, problem=problem) if problem else action


def with_simpler_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in which declarations that cannot be used say only their type."""
    declared = config["parameters"]
    simpler = {name: _simpler(schema) for name, schema in declared["properties"].items()}
    return {**config, "parameters": {**declared, "properties": simpler}}


def _simpler(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if not check_schema({"type": "object", "properties": {"it": schema}}):
        return schema
    kept: dict[str, Any] = {name: schema[name] for name in ("type", "description") if name in schema}
    items = schema.get("items", {})
    return {**kept, "items": {"type": items["type"]}} if "type" in items else kept


def without_credentials(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration whose declarations hold no text that looks like a credential, such as an example."""
    return {**config, "parameters": _cleaned(config["parameters"])}


def _cleaned(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {name: _cleaned(child) for name, child in node.items()}
    if isinstance(node, list):
        return [_cleaned(child) for child in node]
    return _without(node) if isinstance(node, str) else node


def _without(text: str) -> str:
    """Return a text with a mark in the place of each credential."""
    parts, end = [], 0
    for found in credentials.find(text):
        parts += [text[end : found.start], _REMOVED]
        end = found.end
    return "".join([*parts, text[end:]])


def described(*said: object, longest: int = LONGEST_HINT) -> str:
    """Return what a description says, without texts that look like a credential."""
    return _without(sentences(said, longest))


def normalised(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it is stored, with the defaults of its fields."""
    dumped: dict[str, Any] = KINDS[API_ACTION].read({**config, "base_url": _STAND_IN}).model_dump(by_alias=True)
    return dumped
