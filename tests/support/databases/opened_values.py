"""Opens every value of the secret `known.value` in the database of `DATABASE_URL` and prints them as JSON.

usage: python -m tests.support.databases.opened_values

The values are invented; the test that runs this compares them with the ones that it knows.
"""

import json
import sys

import django

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


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(opened_values()))
