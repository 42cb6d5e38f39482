"""The palette "Find or do": names, pages and acts by a text, only what the person may see."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import requires
from accounts.actors import Actor
from accounts.audit.log import UUID_TEXT
from accounts.common.texts import UNSTORABLE
from accounts.models import Membership
from accounts.policy import Permission
from integrations.kinds import KINDS
from integrations.models import Integration, Run
from secrets_app.models import Secret

OF_EACH = 5
"""How many entries a group shows."""
LONGEST_TEXT = 128


@dataclass(frozen=True, slots=True)
class FoundLine:
    """One line of the palette: a page to open, or a dialog of the page by its id."""

    words: str
    icon: str
    url: str = ""
    note: str = ""
    dialog: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """Lines below a heading."""

    title: str
    entries: list[FoundLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """A page or an act that is always there, for those with the permission."""

    words: str
    icon: str
    route: str
    permission: Permission
    note: str = ""
    arguments: tuple[str, ...] = ()


ACTS = [
    _Place("New secret", "plus", "secret-new", Permission.SECRETS_WRITE),
    _Place("Import secrets", "download", "secret-import", Permission.SECRETS_WRITE),
    _Place("Import an API", "upload", "import-new", Permission.INTEGRATIONS_WRITE),
    _Place("Connect an agent", "bot", "agent-connect", Permission.API_KEYS_CREATE),
    *(
        _Place(kind.new_title, kind.icon, "integration-new", Permission.INTEGRATIONS_WRITE, arguments=(key,))
        for key, kind in KINDS.items()
    ),
    _Place("New webhook", "bell", "alert-new", Permission.ALERTS_WRITE, arguments=("webhook",)),
    _Place("Stop all agents", "circle-pause", "agents-stop", Permission.AGENTS_STOP),
    _Place("Invite somebody", "users", "members", Permission.MEMBERS_MANAGE),
    _Place("Ask for a secret", "hand", "secret-request-new", Permission.SECRETS_ASK),
]
PAGES = [
    _Place("Overview", "gauge", "overview", Permission.RUNS_READ, "g o"),
    _Place("Secrets", "key-round", "secrets", Permission.SECRETS_BROWSE, "g s"),
    _Place("Integrations", "plug", "integrations", Permission.INTEGRATIONS_BROWSE, "g i"),
    _Place("Runs", "activity", "runs", Permission.RUNS_READ, "g r"),
    _Place("Approvals", "hand", "approvals", Permission.APPROVALS_BROWSE, "g p"),
    _Place("Secret requests", "hand", "secret-requests", Permission.SECRETS_ASK),
    _Place("Hygiene", "shield-check", "hygiene", Permission.SECRETS_READ, "g h"),
    _Place("Readiness", "list-checks", "readiness-matrix", Permission.INTEGRATIONS_READ),
    _Place("Audit log", "scroll-text", "audit", Permission.AUDIT_READ, "g a"),
    _Place("Members", "users", "members", Permission.MEMBERS_MANAGE, "g m"),
    _Place("Agents and keys", "bot", "api-keys", Permission.API_KEYS_READ, "g k"),
    _Place("Alerts", "bell", "alerts", Permission.ALERTS_READ, "g l"),
    _Place("Settings", "settings", "settings", Permission.ORGANIZATION_MANAGE, "g t"),
]


@require_GET
@requires(Permission.SECRETS_BROWSE)
def find(request: CofferRequest, actor: Actor) -> HttpResponse:
    """Render what matches `q`, by groups; without a text the first acts and pages."""
    text = UNSTORABLE.sub("", request.GET.get("q", "")).strip()[:LONGEST_TEXT]
    secrets = list(Secret.objects.of(actor.organization).search_names(text).alphabetical()[:OF_EACH]) if text else []
    found = [
        FoundGroup("Do", [*_rotations(actor, secrets), *_places(actor, ACTS, text)][:OF_EACH]),
        FoundGroup("Secrets", [_secret(actor, secret) for secret in secrets]),
        FoundGroup("Integrations", _integrations(actor, text) if text else []),
        FoundGroup("Runs", _run(actor, text)),
        FoundGroup("People", _people(actor, text) if text else []),
        FoundGroup("Pages", [*_places(actor, PAGES, text), *_shortcuts(text)][: OF_EACH if text else None]),
    ]
    return render(request, "integrations/_found.html", {"groups": [group for group in found if group.entries]})


def _places(actor: Actor, places: Iterable[_Place], text: str) -> list[FoundLine]:
    slug, words = actor.organization.slug, text.lower().split()
    return [
        FoundLine(place.words, place.icon, reverse(place.route, args=[slug, *place.arguments]), place.note)
        for place in places
        if actor.may(place.permission) and all(word in place.words.lower() for word in words)
    ]


def _shortcuts(text: str) -> list[FoundLine]:
    words = "Keyboard shortcuts"
    return [FoundLine(words, "keyboard", note="?", dialog="shortcuts")] if text.lower() in words.lower() else []


def _rotations(actor: Actor, secrets: list[Secret]) -> list[FoundLine]:
    """Return the act that a person most often wants of a secret that they name."""
    if not actor.may(Permission.SECRETS_WRITE) or len(secrets) != 1:
        return []
    url = reverse("secret-rotate", args=[actor.organization.slug, secrets[0].pk])
    return [FoundLine(f"Rotate {secrets[0].name}", "rotate-cw", url)]


def _secret(actor: Actor, secret: Secret) -> FoundLine:
    """Return the page of a secret, or the catalogue with its name for those who may only browse."""
    slug = actor.organization.slug
    if actor.may(Permission.SECRETS_READ):
        return FoundLine(secret.name, "key-round", reverse("secret-where-used", args=[slug, secret.pk]), mono=True)
    return FoundLine(secret.name, "key-round", f"{reverse('secrets', args=[slug])}?q={secret.name}", mono=True)


def _integrations(actor: Actor, text: str) -> list[FoundLine]:
    slug, may_read = actor.organization.slug, actor.may(Permission.INTEGRATIONS_READ)
    found = Integration.objects.listed_for(actor).filter(name__icontains=text).order_by("name")[:OF_EACH]
    return [
        FoundLine(
            integration.name,
            KINDS[integration.kind].icon,
            reverse("integration-edit", args=[slug, integration.pk])
            if may_read
            else reverse("integrations", args=[slug]),
            KINDS[integration.kind].label,
        )
        for integration in found
    ]


def _run(actor: Actor, text: str) -> list[FoundLine]:
    """Return the run with this id."""
    if not actor.may(Permission.RUNS_READ) or not UUID_TEXT.fullmatch(text):
        return []
    return [
        FoundLine(run.integration_name, "activity", reverse("run", args=[actor.organization.slug, run.pk]), run.outcome)
        for run in Run.objects.visible_to(actor).filter(pk=text)
    ]


def _people(actor: Actor, text: str) -> list[FoundLine]:
    if not actor.may(Permission.MEMBERS_MANAGE):
        return []
    url = reverse("members", args=[actor.organization.slug])
    by_name: Any = Q(user__name__icontains=text) | Q(user__email__icontains=text)
    found = Membership.objects.filter(by_name, organization=actor.organization).select_related("user")
    return [
        FoundLine(member.user.name or member.user.email, "users", url, member.user.email)
        for member in found.order_by("user__name", "user__email")[:OF_EACH]
    ]
