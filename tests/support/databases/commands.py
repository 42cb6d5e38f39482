"""Runs several commands of `manage.py` in one process, for the start of a process costs more than most commands.

usage: python -m tests.support.databases.commands '[["migrate"], ["verify_audit"]]'

Prints a JSON list with, for each command, whether it failed and what it said. `opened_values` prints every value of the
secret `known.value` as JSON. The values are invented; the test that asks for them compares them with those it knows.
"""

import io
import json
import sys

import django
from django.core.management import CommandError, call_command

NAME = "known.value"


def opened_values() -> dict[str, dict[str, str]]:
    """The values by state and environment: the current ones as a run opens them, the others by the keyring."""
    from accounts.actors import actor_for_member
    from accounts.common.environments import Environment
    from accounts.models import Membership
    from secrets_app.models import SecretValue
    from secrets_app.sealing import keyring, resolver

    owner = actor_for_member(Membership.objects.get(role="owner", organization__slug="harbor-clinics"))
    current = {}
    for environment in Environment:
        found = resolver.find(owner.organization, [NAME], environment)
        current[environment.value] = resolver.open_values(found, actor=owner)[NAME].expose()
    kept = SecretValue.objects.filter(secret__name=NAME, state__in=["staged", "previous"])
    others = {row.state: {row.environment: keyring.unseal(row).expose()} for row in kept.select_related("data_key")}
    return {"current": current, **others}


def outcome(command: list[str]) -> tuple[bool, str]:
    """Whether a command failed, and what it said."""
    from accounts.errors import Refusal
    from secrets_app.sealing.resolver import Unreadable

    said = io.StringIO()
    try:
        if command == ["opened_values"]:
            said.write(json.dumps(opened_values()))
        else:
            call_command(*command, stdout=said, stderr=said)
    except (CommandError, Refusal, Unreadable, SystemExit) as problem:
        return True, f"{said.getvalue()}{type(problem).__name__}: {problem}"
    return False, said.getvalue()


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps([outcome(command) for command in json.loads(sys.argv[1])]))
