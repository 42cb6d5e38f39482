"""The button that leads to what a run needs, and whether it would be stopped now."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from accounts.actors import Actor
from accounts.common.environments import Environment
from integrations.models import Integration, Run
from integrations.readiness.warnings import warnings_for
from integrations.runs.way_out import MendedAt, WayOut, way_out
from secrets_app.models import Secret

FIELDS = {"secret_disabled": "#f-enabled", "domain_not_allowed": "#f-domains"}
"""Where on the page of a secret it is mended."""
PLACES = {
    MendedAt.TOOLS: ("integration-tools", "Open its tools", "plug"),
    MendedAt.RULES: ("integration-rules", "Open its rules", "plug"),
    MendedAt.TEST: ("integration-edit", "Send a test", "play"),
}
"""Parts of an integration: the page, and the words and icon of the button that leads there."""
JUDGED = {
    "secret_missing", "secret_disabled", "key_unavailable", "domain_not_allowed", "environment_not_enabled",
    "integration_disabled", "egress_denied",
}  # fmt: skip
"""The codes of refusals that can be foreseen, so that their absence means that it was mended."""


@dataclass(frozen=True, slots=True)
class RunFix:
    """What is wrong with a run, what to do, and where.

    Attributes:
        label, url, icon: of the button; empty if nothing on a page mends it.
        is_mended: whether the same run would not be refused any more.
    """

    way: WayOut
    label: str = ""
    url: str = ""
    icon: str = ""
    is_mended: bool = False


def fix_of(actor: Actor, run: Run, integration: Integration | None) -> RunFix:
    """Return what to do about a run that did not work.

    Args:
        integration: the integration of the run with its links; None if it is gone.
    """
    way = way_out(run.error_code, run.status)
    names = _names_in_the_way(run, integration) if run.error_code in JUDGED else None
    if names == []:
        return RunFix(way, is_mended=True)
    of_secret = way.place in {MendedAt.SECRET, MendedAt.ROTATION}
    button = _of_secret(actor, run, way, names or []) if of_secret else None
    return RunFix(way, *(button or _of_integration(actor, way, integration)))


def _of_integration(actor: Actor, way: WayOut, integration: Integration | None) -> tuple[str, str, str]:
    """Return the button that leads to the integration; nothing if it is gone or mends nothing."""
    if integration is None or way.place is MendedAt.NOWHERE:
        return "", "", ""
    page, label, icon = PLACES.get(way.place, ("integration-edit", f"Open {integration.name}", "plug"))
    return label, reverse(page, args=[actor.organization.slug, integration.pk]), icon


def _is_off(run: Run, integration: Integration) -> bool:
    """Return whether the integration itself is disabled, or does not run in the environment."""
    return not integration.enabled or Environment(run.environment) not in integration.environments


def _names_in_the_way(run: Run, integration: Integration | None) -> list[str] | None:
    """Return the secrets that would stop the run with the same code now; None if something else would."""
    if integration is None or _is_off(run, integration):
        return None
    found = [one for one in warnings_for(integration, [Environment(run.environment)]) if one.code == run.error_code]
    if any(one.secret is None for one in found):
        return None
    return [one.secret for one in found if one.secret]


def _of_secret(actor: Actor, run: Run, way: WayOut, names: list[str]) -> tuple[str, str, str] | None:
    """Return the button that leads to the first secret that is in the way, else to the first that the run used."""
    slug = actor.organization.slug
    wanted = names or sorted(used.name for used in run.secrets.all())
    if not wanted:
        return None
    name = wanted[0]
    secret = Secret.objects.of(actor.organization).filter(name=name).only("pk").first()
    if secret is None:
        return f"Create {name}", f"{reverse('secret-new', args=[slug])}?{urlencode({'name': name})}", "plus"
    if way.place is MendedAt.ROTATION:
        return f"Rotate {name}", reverse("secret-rotate", args=[slug, secret.pk]), "rotate-cw"
    url = reverse("secret-edit", args=[slug, secret.pk]) + FIELDS.get(run.error_code, "")
    return f"Open {name}", url, "key-round"
