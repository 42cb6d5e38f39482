"""The demo's people and how they sign in.

Passwords are random and kept in one file below `var/`, readable by its owner alone, so that each start can print them.
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from accounts.actors import Actor, actor_for_member
from accounts.models import Membership, User
from accounts.people.organizations import add_member, create_organization
from accounts.people.people import create_person
from accounts.policy import Role

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


def load_people() -> Actor:
    """Create the people and their two organizations; the owner of the first one as an actor."""
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
    _write_sign_in(passwords)
    return owner


def sign_in_lines() -> list[str]:
    """One line for each person of the demo, or nothing where no demo was loaded."""
    if not SIGN_IN_FILE.is_file():
        return []
    passwords = json.loads(SIGN_IN_FILE.read_text())
    return [f"{person.role.label:<8}{person.email:<24}{passwords[person.email]}" for person in PEOPLE]


def _actor(user: User, slug: str) -> Actor:
    return actor_for_member(
        Membership.objects.select_related("organization", "user").get(user=user, organization__slug=slug)
    )


def _write_sign_in(passwords: dict[str, str]) -> None:
    descriptor = os.open(SIGN_IN_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(passwords, file)
