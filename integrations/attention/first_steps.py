"""The first steps of an organization, from a stored secret to the first call of an agent. They tick themselves."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.actors import Actor, ActorKind
from accounts.models import ApiKey, Organization
from accounts.policy import Permission
from integrations.kinds import KINDS
from integrations.models import CallerCount, HiddenFirstSteps, Integration, IntegrationState, Run
from secrets_app.models import Secret


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One of the steps.

    Attributes:
        done: what was done, by name; empty while it is to be done.
        about: what happens, while it is to be done.
        page, of, query: the name, the arguments and the query of the page where it is done, or where the result is.
        act: the word on its button.
    """

    title: str
    done: str
    about: str
    act: str
    page: str
    of: tuple[Any, ...] = ()
    query: str = ""


def are_over(organization: Organization) -> bool:
    """Return whether an agent has called, or nobody wants to see the steps any more."""
    if HiddenFirstSteps.objects.filter(pk=organization.pk).exists():
        return True
    return CallerCount.objects.filter(**_of_agents(organization)).exists() or _has_called(organization)


def steps(organization: Organization) -> list[FirstStep]:
    """Return the five steps, as far as they are done."""
    runnable = [key for key, kind in KINDS.items() if not kind.is_shared]
    secret = _oldest(Secret.objects.of(organization))
    integration = _oldest(Integration.objects.of(organization).filter(kind__in=runnable))
    works = IntegrationState.objects.filter(organization=organization, failing=False).exists()
    key = _oldest(_keys(organization))
    about = [
        (f"{secret.name} is stored, and sealed." if secret else "", "secret-where-used", secret),
        (f"{integration.name} is there." if integration else "", "integration-edit", integration),
        ("The other side answered, and the value was masked." if works else "", "integration-edit", integration),
        (f"{key.name} has a key." if key else "", "api-key", key),
        ("", "agent-first-call", key),
    ]
    return [_step(words, *known) for words, known in zip(_WORDS, about, strict=True)]


_WORDS: tuple[tuple[str, str, str, str, tuple[Any, ...]], ...] = (
    (
        "Store a secret", "Paste a value once. From then on nobody sees it, not even you.", "New secret",
        "secret-new", (),
    ),
    (
        "Point an integration at it", "Say which API is called, and where the secret goes in the request.",
        "New integration", "integration-new", ("api_action",),
    ),
    (
        "Send a test", "Coffer makes the call and shows the answer with the value masked.", "Send a test",
        "integrations", (),
    ),
    (
        "Connect an agent",
        "Make a key and paste one snippet: Claude Code, Cursor, LiveKit, Vapi, curl and others.", "Connect",
        "agent-connect", (),
    ),
    (
        "Let it make its first call",
        "Ask the agent for something that needs the integration. This page turns into your overview then.",
        "See its tools", "agent-connect", (),
    ),
)  # fmt: skip
"""The title of each step, what happens, the word on its button, and the page where it is begun."""


def _step(words: tuple[str, str, str, str, tuple[Any, ...]], done: str, page: str, row: Any) -> FirstStep:
    title, about, act, first_page, arguments = words
    return FirstStep(title, done, about, act, *((page, (row.pk,)) if row else (first_page, arguments)))


def _oldest(rows: Any) -> Any:
    return rows.order_by("created_at").only("name").first()


def hide(*, actor: Actor) -> None:
    """Show the overview of the actor's organization instead of the steps, for everybody.

    Raises:
        PermissionDenied: the actor may not see runs.
    """
    actor.check(Permission.RUNS_READ)
    with transaction.atomic():
        HiddenFirstSteps.objects.get_or_create(organization=actor.organization)


def _keys(organization: Organization) -> Any:
    return ApiKey.objects.filter(organization=organization, parent=None, revoked_at=None)


def _of_agents(organization: Organization) -> Any:
    return {"organization": organization, "caller_kind": ActorKind.API_KEY.value}


def _has_called(organization: Organization) -> bool:
    keys = ApiKey.objects.filter(organization=organization, parent=None).values("pk")
    return Run.objects.filter(organization=organization, principal_id__in=keys).exists()
