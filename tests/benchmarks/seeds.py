"""Organizations of a given size, made with few statements. Their sealed bytes hold nothing: no benchmark opens them."""

import random
from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from accounts.actors import Actor, actor_for_member
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.models import Membership, User
from accounts.people.organizations import create_organization
from integrations.models import Integration, SecretReference
from secrets_app.models import OrganizationKey, Secret, SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring

BATCH = 5_000
GROUPS = 50


def owner_of(size: int, *, references_each: int, label: str = "") -> Actor:
    """The owner of a new organization with `size` secrets, each with three values and used by some integrations.

    Args:
        label: tells it from another organization of the same size.
    """
    name = label or f"Size {size}"
    user = User.objects.create(email=f"{name.replace(' ', '-').lower()}@example.com", name="Owner")
    organization = create_organization(user=user, name=name)
    source = random.Random(size)
    now = timezone.now()
    secrets = [
        Secret(
            organization=organization,
            name=f"group{number % GROUPS}.key{number}",
            description="Used by the reception agent",
            enabled=number % 50 != 0,
            last_used_at=None if number % 5 == 0 else now - timedelta(minutes=source.randrange(500_000)),
        )
        for number in range(size)
    ]
    Secret.objects.bulk_create(secrets, batch_size=BATCH)
    sealed, key = keyring.seal(secrets[0], Environment.STAGING, 1, Plaintext("nothing-of-value"))
    SecretValue.objects.bulk_create(_values(secrets, sealed, key), batch_size=BATCH)
    integrations = [
        Integration(
            organization=organization,
            kind="auth_connector",
            name=f"Connector {number}",
            environments=ALL_ENVIRONMENTS,
            config={"type": "bearer", "token": "{secrets.any}"},
        )
        for number in range(max(size // 10, references_each))
    ]
    Integration.objects.bulk_create(integrations, batch_size=BATCH)
    SecretReference.objects.bulk_create(_references(secrets, integrations, references_each), batch_size=BATCH)
    return actor_for_member(Membership.objects.select_related("user", "organization").get(organization=organization))


def _values(secrets: list[Secret], sealed: bytes, key: OrganizationKey) -> Iterator[SecretValue]:
    for secret in secrets:
        for environment in Environment:
            yield SecretValue(
                secret=secret, environment=environment.value, version=1, sealed=sealed, data_key=key, created_by="Owner"
            )


def _references(
    secrets: list[Secret], integrations: list[Integration], references_each: int
) -> Iterator[SecretReference]:
    for number, secret in enumerate(secrets):
        for step in range(references_each):
            yield SecretReference(
                organization_id=secret.organization_id,
                integration=integrations[(number + step) % len(integrations)],
                secret=secret,
                name=secret.name,
                slot="auth.token",
                needed_in=ALL_ENVIRONMENTS,
            )
