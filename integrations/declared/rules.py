"""Rules in a configuration file: API keys and people by name there, by id where they are stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.models import ApiKey, Membership
from integrations.declared.document import DeclaredRule
from integrations.models import Integration
from integrations.rules.reading import NOT_SAVED, read_rules
from integrations.rules.shape import Rule


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of API keys and of people, by id."""

    keys: Mapping[str, str]
    people: Mapping[str, str]


def names_of(actor: Actor) -> KnownNames:
    """Return the names of the API keys in force and the e-mail addresses of the members of an organization.

    Of two keys with one name only the newest has it; the other is named by its id.
    """
    keys = ApiKey.objects.filter(organization=actor.organization, parent=None, revoked_at=None).order_by("created_at")
    people = Membership.objects.filter(organization=actor.organization)
    newest = {name: str(pk) for pk, name in keys.values_list("pk", "name")}
    return KnownNames(
        {key: name for name, key in newest.items()},
        {str(pk): email for pk, email in people.values_list("user", "user__email")},
    )


def declared_rules(integration: Integration, named: KnownNames) -> list[DeclaredRule] | None:
    """Return the rules of an integration as a file has them; None if it has none."""
    return [DeclaredRule.model_validate(_renamed(rule, named.keys, named.people)) for rule in integration.rules] or None


def rules_of_file(actor: Actor, declared: Sequence[DeclaredRule]) -> list[Rule]:
    """Return rules of a file as they are stored.

    Raises:
        Invalid: a rule breaks a rule for rules, or there is no such API key or member; `errors` use `rules[N]`.
    """
    named = names_of(actor)
    keys, people = _by_name(named.keys), _by_name(named.people)
    errors = [
        *_unknown(declared, "keys", lambda rule: rule.keys, {**keys, **named.keys}, "The organization has no API key"),
        *_unknown(declared, "ask.approvers", _approvers, {**people, **named.people}, "The organization has no member"),
    ]
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    return read_rules([_renamed(rule.as_json(), keys, people) for rule in declared])


def _by_name(names: Mapping[str, str]) -> dict[str, str]:
    return {name: pk for pk, name in names.items()}


def _approvers(rule: DeclaredRule) -> Sequence[str]:
    return rule.ask.approvers if rule.ask else ()


def _unknown(
    declared: Sequence[DeclaredRule], field: str, named_in: Any, known: Mapping[str, str], sentence: str
) -> Iterable[FieldError]:
    for index, rule in enumerate(declared):
        for name in named_in(rule):
            if name not in known:
                yield FieldError(f"rules[{index}].{field}", f"{sentence} {name}.")


def _renamed(rule: Mapping[str, Any], keys: Mapping[str, str], people: Mapping[str, str]) -> dict[str, Any]:
    """Return a rule with other names for its keys and people; what has none keeps its own."""
    found = dict(rule)
    if "keys" in found:
        found["keys"] = [keys.get(key, key) for key in found["keys"]]
    if found.get("ask", {}).get("approvers"):
        found["ask"] = {**found["ask"], "approvers": [people.get(one, one) for one in found["ask"]["approvers"]]}
    return found
