"""The context of the page layout: the signed-in person, the organization of the page, and the person's organizations.

It only reads. What a page itself shows comes from its view.
"""

from dataclasses import dataclass
from functools import cached_property

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from accounts.actors import Actor
from accounts.common.initials import initials
from accounts.mail.sending import is_sent_by_a_server
from accounts.models import Membership, Organization, User
from accounts.policy import Permission, Role
from accounts.web.replies import home_page

THEMES = ("light", "dark")


@dataclass(frozen=True)
class ShellOrganization:
    """One entry of the organization switcher. `role` is the label that people see, such as `Owner`.

    Attributes:
        home: the name of the page where the person lands in it.
    """

    name: str
    slug: str
    initials: str
    role: str
    current: bool
    home: str


class Shell:
    """The layout's data, read by `base.html` and `bare.html`. Each part is looked up once, when a template reads it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def theme(self) -> str:
        """`light`, `dark`, or empty to follow the system. Any other cookie value counts as empty."""
        chosen = self._request.COOKIES.get("theme", "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def user(self) -> User | None:
        """The signed-in person. Error pages may be rendered before the middleware has set `request.user`."""
        user = getattr(self._request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def sends_mail(self) -> bool:
        """Whether a mail server sends mail; otherwise it is printed where Coffer runs."""
        return is_sent_by_a_server()

    @cached_property
    def may_sign_up(self) -> bool:
        """Whether this visitor may create an account."""
        return get_adapter().is_open_for_signup(self._request)

    @cached_property
    def user_name(self) -> str:
        """The name of the person in the user menu, or the e-mail address if there is no name."""
        return (self.user.name or self.user.email) if self.user else ""

    @cached_property
    def actor(self) -> Actor | None:
        """The actor in the organization of this page; None on pages outside of organizations."""
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
    def shows_runs(self) -> bool:
        """Whether the person may read the runs of this organization."""
        return self.actor is not None and self.actor.may(Permission.RUNS_READ)

    @cached_property
    def shows_audit(self) -> bool:
        """Whether the person may read the audit log of this organization."""
        return self.actor is not None and self.actor.may(Permission.AUDIT_READ)

    @cached_property
    def shows_api_keys(self) -> bool:
        """Whether the person may see the organization's API keys."""
        return self.actor is not None and self.actor.may(Permission.API_KEYS_READ)

    @cached_property
    def may_start_agents(self) -> bool:
        """Whether the person may start the agents of this organization again."""
        return self.actor is not None and self.actor.may(Permission.AGENTS_START)

    @cached_property
    def shows_members(self) -> bool:
        """Whether the person may see the organization's members, and manage some of them."""
        return self.actor is not None and self.actor.may(Permission.MEMBERS_MANAGE)

    @cached_property
    def shows_settings(self) -> bool:
        """Whether the person may change the organization's settings."""
        return self.actor is not None and self.actor.may(Permission.ORGANIZATION_MANAGE)

    @cached_property
    def memberships(self) -> list[ShellOrganization]:
        """The person's organizations: the current one first, then by name."""
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
            home=home_page(Role(membership.role)),
        )


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Return `shell` for the base templates (a context processor)."""
    return {"shell": Shell(request)}
