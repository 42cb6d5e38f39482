"""Filters of lists that take an id or a name."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.errors import FieldError, Invalid
from accounts.models import ApiKey, User
from integrations.models import Integration
from secrets_app.models import Secret


def integration_id(actor: Actor, text: str) -> UUID | None:
    """Return the id of the integration with this id or name, None for an empty text. An id need not exist any more.

    Raises:
        Invalid: the actor sees no integration of this name.
    """
    return _id_of("integration", text, Integration.objects.visible_to(actor).filter(name=text))


def secret_id(actor: Actor, text: str) -> UUID | None:
    """Return the id of the secret with this id or name, None for an empty text. An id need not exist any more.

    Raises:
        Invalid: there is no secret of this name.
    """
    return _id_of("secret", text, Secret.objects.of(actor.organization).filter(name=text))


def secret_name(actor: Actor, text: str) -> str:
    """Return the name of the secret with this id, or the text itself: names that no secret has are referenced, too.

    Raises:
        Invalid: there is no secret with this id.
    """
    try:
        found = Secret.objects.of(actor.organization).filter(pk=UUID(text)).values_list("name", flat=True).first()
    except ValueError:
        return text
    if found is None:
        raise _unknown("secret", "There is no secret with this id. Use a name or an id.")
    return found


def caller_id(actor: Actor, text: str) -> UUID | None:
    """Return the id of the API key with this id or name, or of the member with this id or e-mail address.

    Raises:
        Invalid: there is none, or several keys have this name.
    """
    keys = ApiKey.objects.filter(organization=actor.organization, parent=None, name=text)
    people = User.objects.filter(memberships__organization=actor.organization, email__iexact=text)
    return _id_of("caller", text, keys, people)


def _id_of(field: str, text: str, *named: QuerySet[Any]) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        found: list[UUID] = [pk for rows in named for pk in rows.values_list("pk", flat=True)[:2]]
    if len(found) == 1:
        return found[0]
    raise _unknown(field, "Several have this name. Use the id." if found else "Nothing has this name. Use an id.")


def _unknown(field: str, sentence: str) -> Invalid:
    return Invalid("The filter cannot be used.", errors=[FieldError(field, sentence)])
