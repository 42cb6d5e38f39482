"""The demo's people and its agent, and how they sign in.

Passwords and the agent's API key are random and kept in one file below `var/`, readable by its owner alone, so that
each start can print them.
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from accounts.access.api_keys import create_api_key
from accounts.actors import Actor, actor_for_key, actor_for_member
from accounts.common.environments import Environment
from accounts.models import Membership, User
from accounts.people.organizations import add_member, create_organization
from accounts.people.people import create_person
from accounts.policy import Role, Scope
from integrations.models import Integration

SIGN_IN_FILE = Path(settings.BASE_DIR) / "var" / "demo-sign-in.json"


@dataclass(frozen=True, slots=True)
class Person:
    """One of the demo's people."""

    name: str
    email: str
    role: Role


PEOPLE = [
    Person("Mara Lindqvist", "mara@harbor.example", Role.OWNER),
    Person("Tomás Ferreira", "tomas@harbor.example", Role.ADMIN),
    Person("Jonas Weber", "jonas@harbor.example", Role.MEMBER),
]


AGENT = "Reception agent"


def load_people() -> tuple[Actor, dict[str, str]]:
    """Create the people and their two organizations; the owner of the first one as an actor, and all passwords."""
    passwords = {person.email: secrets.token_urlsafe(12) for person in PEOPLE}
    users = {
        person.email: create_person(email=person.email, name=person.name, password=passwords[person.email])
        for person in PEOPLE
    }
    mara = users[PEOPLE[0].email]
    organization = create_organization(user=mara, name="Harbor Clinics")
    owner = _actor(mara, organization.slug)
    for person in PEOPLE[1:]:
        add_member(actor=owner, user=users[person.email], role=person.role)
    create_organization(user=mara, name="Voice Lab")
    return owner, passwords


def load_agent(owner: Actor, integrations: list[Integration]) -> tuple[Actor, str]:
    """Make the key of an agent that may run these integrations in Production; the agent, and the key's text."""
    key, text = create_api_key(
        actor=owner,
        name=AGENT,
        scopes=[Scope.RUN],
        environments=[Environment.PRODUCTION],
        integrations=[integration.id for integration in integrations],
    )
    return actor_for_key(key), text.text


def write_sign_in(passwords: dict[str, str], key: str) -> None:
    """Keep the passwords and the agent's key for the lines of each start."""
    descriptor = os.open(SIGN_IN_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({**passwords, AGENT: key}, file)


def sign_in_lines(address: str) -> list[str]:
    """A line for each person of the demo and one for its agent; nothing where no demo was loaded."""
    if not SIGN_IN_FILE.is_file():
        return []
    kept = json.loads(SIGN_IN_FILE.read_text())
    people = [f"{person.role.label:<8}{person.email:<24}{kept[person.email]}" for person in PEOPLE]
    return people + ([f"{'Agent':<8}MCP at {address}/mcp with API key {kept[AGENT]}"] if AGENT in kept else [])


def _actor(user: User, slug: str) -> Actor:
    return actor_for_member(
        Membership.objects.select_related("organization", "user").get(user=user, organization__slug=slug)
    )
