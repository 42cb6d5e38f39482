"""What the shell around every page shows: who is signed in, which organization this is, which others there are.

It only reads. What a page itself shows comes from its view.
"""

from dataclasses import dataclass
from functools import cached_property

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from accounts.actors import Actor
from accounts.common.initials import initials
from accounts.models import Membership, Organization, User
from accounts.policy import Permission, Role

THEMES = ("light", "dark")


@dataclass(frozen=True)
class ShellOrganization:
    """One line of the organization switcher. `role` is the word shown to people: `Owner`."""

    name: str
    slug: str
    initials: str
    role: str
    current: bool


class Shell:
    """Read by `base.html` and `bare.html`; each part is looked up when a template asks for it, and once."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def theme(self) -> str:
        """`light`, `dark`, or empty for what the system says. Any other cookie text counts as empty."""
        chosen = self._request.COOKIES.get("theme", "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def user(self) -> User | None:
        """The signed-in person. An error page may be shown before anybody was looked up."""
        user = getattr(self._request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def may_sign_up(self) -> bool:
        """Whether this visitor may make an account."""
        return get_adapter().is_open_for_signup(self._request)

    @cached_property
    def user_name(self) -> str:
        """What the user menu calls the person: the name, or the e-mail address where there is none."""
        return (self.user.name or self.user.email) if self.user else ""

    @cached_property
    def actor(self) -> Actor | None:
        """Who is asking within the organization of this page; None on pages outside any organization."""
        return getattr(self._request, "actor", None)

    @cached_property
    def organization(self) -> Organization | None:
        """The organization of this page."""
        return self.actor.organization if self.actor else None

    @cached_property
    def role(self) -> str:
        """`Owner`, `Admin`, `Member`, or empty outside an organization."""
        return self.actor.role.label if self.actor and self.actor.role else ""

    @cached_property
    def shows_audit(self) -> bool:
        """Whether the person may read the audit log of this organization."""
        return self.actor is not None and self.actor.may(Permission.AUDIT_READ)

    @cached_property
    def shows_api_keys(self) -> bool:
        """Whether the person may see the organization's API keys."""
        return self.actor is not None and self.actor.may(Permission.API_KEYS_READ)

    @cached_property
    def shows_members(self) -> bool:
        """Whether the person may see who belongs to the organization, and manage some of them."""
        return self.actor is not None and self.actor.may(Permission.MEMBERS_MANAGE)

    @cached_property
    def shows_settings(self) -> bool:
        """Whether the person may change what counts for everybody in the organization."""
        return self.actor is not None and self.actor.may(Permission.ORGANIZATION_MANAGE)

    @cached_property
    def memberships(self) -> list[ShellOrganization]:
        """The person's organizations, the current one first, then by name."""
        if self.user is None:
            return []
        found = Membership.objects.filter(user=self.user).select_related("organization").order_by("organization__name")
        return sorted(map(self._line, found), key=lambda line: not line.current)

    def _line(self, membership: Membership) -> ShellOrganization:
        organization = membership.organization
        return ShellOrganization(
            name=organization.name,
            slug=organization.slug,
            initials=initials(organization.name),
            role=Role(membership.role).label,
            current=organization == self.organization,
        )


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` for the base templates."""
    return {"shell": Shell(request)}
