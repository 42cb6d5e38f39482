"""Arguments that contain the value of a secret: refused before anything is sent, and counted against the API key.

Where an upstream echoes an argument, masking tells a right guess of a value from a wrong one. So a caller who passes a
value is refused, and the key is suspended: at the third strong value (which nobody guesses by accident), at once where
many guesses fit into the arguments, and at the first weak value, such as a word or a PIN, whose first right guess has
to be the last one (docs/security-rules.md, "Arguments").
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction

from accounts.access.suspension import count_secret_in_arguments
from accounts.actors import ActorKind
from accounts.audit import trail
from accounts.common.database import in_database
from accounts.common.environments import Environment
from integrations.broker.mask_sets import WORKERS
from integrations.broker.preparation import Admitted
from integrations.errors import ArgumentContainsSecret, InvalidArguments
from integrations.models import Integration
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Redactor, ValueSet, guesses_in, size_of_values

_BROKEN_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]+(?:\s+[A-Za-z0-9+/_=-]+)+\s*")
"""A text that is base64 once its line breaks are gone, as a file argument may be written."""

SHORTEST_BASE64 = 22
"""Characters below which base64 is not searched (docs/security-rules.md, "Redaction")."""

NOTHING_SENT = "An argument contains the value of a secret. Nothing was sent."
BROKEN_OFF = "The body contains the value of a secret, so the call was broken off."

FEW_GUESSES = 1024
"""Bytes of arguments in which a strong value is not a guess among many."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What the arguments contain: the names of secrets, and whether this suspends the API key at once."""

    names: list[str]
    is_weak: bool
    is_large: bool


async def check_no_secret(params: Mapping[str, Any], admitted: Admitted, others: Sequence[ValueSet]) -> None:
    """Refuse arguments that contain the value of a secret, before anything is sent.

    Args:
        others: values that other runs sent to the same host.

    Raises:
        ArgumentContainsSecret: they do.
        InvalidArguments: they cannot be searched, because of too many layers of encoding.
    """
    text, masked = "\n".join(_texts(params)), admitted.masked
    search = partial(_find_secret, text, masked, others)
    if guess := await WORKERS.run(admitted.run.organization_id, len(text) + size_of_values(masked), search):
        raise await in_database(refuse, admitted, guess)


def _find_secret(text: str, secrets: Mapping[str, Plaintext], others: Sequence[ValueSet]) -> Guess | None:
    """Search the text of arguments for the values of the run and for those of other runs to the same host.

    Raises:
        InvalidArguments: it cannot be searched, because of too many layers of encoding.
    """
    hits = guesses_in(text, secrets, others)
    if hits is None:
        raise InvalidArguments("The arguments could not be searched for secrets. Send fewer layers of encoding.")
    if not hits:
        return None
    names = sorted({hit.name for hit in hits})
    return Guess(names, is_weak=not all(hit.is_strong for hit in hits), is_large=len(text) > FEW_GUESSES)


def find_in_piece(window: bytes, redactor: Redactor, size: int) -> Guess | None:
    """Search a piece of a body that a caller sends along, with the end of the piece before it.

    Args:
        size: the bytes of the body so far.

    Raises:
        InvalidArguments: it cannot be searched, because of too many layers of encoding.
    """
    hits = redactor.hits(window)
    if hits is None:
        raise InvalidArguments("The body could not be searched for secrets. Send fewer layers of encoding.")
    if not hits:
        return None
    names = sorted({hit.name for hit in hits})
    return Guess(names, is_weak=not all(hit.is_strong for hit in hits), is_large=size > FEW_GUESSES)


def refuse(admitted: Admitted, guess: Guess, *, what: str = NOTHING_SENT) -> ArgumentContainsSecret:
    """Record that arguments contain a secret, count it against the API key, and return the refusal.

    Args:
        what: where the value is and what became of the call, in sentences.
    """
    integration = admitted.links[0]
    with transaction.atomic():
        _record(admitted, integration, guess)
        is_suspended = admitted.actor.kind is ActorKind.API_KEY and count_secret_in_arguments(
            actor=admitted.actor, integration=integration.name, at_once=guess.is_weak or guess.is_large
        )
    consequence = " This API key is suspended now." if is_suspended else ""
    return ArgumentContainsSecret(
        f"{what}{consequence} Leave the value out: "
        "the integration adds it. If it may be seen by everybody, mark the secret as an identifier."
    )


def _record(admitted: Admitted, integration: Integration, guess: Guess) -> None:
    trail.record(
        trail.Event.INTEGRATION_SECRET_IN_ARGUMENTS,
        actor=admitted.actor,
        target=integration,
        environment=Environment(admitted.run.environment),
        outcome=trail.Outcome.REFUSED,
        secrets=guess.names,
        run_id=str(admitted.run.id),
    )


def _texts(node: Any) -> list[str]:
    """Return the strings, names and numbers of arguments."""
    if isinstance(node, str):
        return _spellings(node)
    if isinstance(node, Mapping):
        return [text for name, child in node.items() for text in (str(name), *_texts(child))]
    if isinstance(node, list | tuple):
        return [text for child in node for text in _texts(child)]
    return [] if node is None else [str(node)]


def _spellings(text: str) -> list[str]:
    """Return a text, and what it is without line breaks if it may be base64."""
    is_broken = len(text) > SHORTEST_BASE64 and _BROKEN_BASE64.fullmatch(text)
    return [text, "".join(text.split())] if is_broken else [text]
