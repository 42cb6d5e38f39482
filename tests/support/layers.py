"""The rooms of each app and their order, for the test of the architecture and for its picture."""

from pathlib import Path

from tests.support.source import ROOT

LAYERS = {
    "accounts": "errors common policy managers waiting_mail api_key occurrences models actors audit mail access"
    " signals people sign_in | staff api web admin apps templatetags management triggers",
    "secrets_app": "errors signals plaintext naming known_services querysets sealed_text models sealing validation"
    " requests editing inventory hygiene redaction importing rotation | api web admin apps management",
    "integrations": "errors templating egress sip exchange kinds known_services querysets tool_models figure_models"
    " alert_models approval_models import_models rule_models run_models models inheritance rules budgets transport"
    " figures health stops holding broker readiness runs references paste_guard editing rotation tools approvals"
    " attention alerts declared importing"
    " | api web admin apps templatetags management triggers",
    "config": "single_sign_on configuration databases logs second_factors sessions caches refused_attempts admin_site"
    " models static_files ports bootstrap copying | http proxy monitoring agents api demo doctor lifespan"
    " settings urls asgi start apps management",
}
"""The rooms of each app: its folders, and the modules beside them. A room imports only rooms before it.

The rooms after the bar are the interfaces: they read a request, a command or a setting, and write no model themselves.
"""

PURE = {
    "accounts/errors", "accounts/policy", "secrets_app/errors", "secrets_app/plaintext", "secrets_app/naming",
    "secrets_app/known_services", "secrets_app/redaction", "integrations/errors", "integrations/templating",
    "integrations/sip", "integrations/exchange", "integrations/kinds", "integrations/known_services",
}  # fmt: skip
"""Rooms that know neither Django nor the API's framework."""


def rooms(app: str) -> list[str]:
    """The rooms of an app, the lowest first."""
    return LAYERS[app].replace("|", " ").split()


def interfaces(app: str) -> list[str]:
    """The rooms of an app that read requests, commands and settings."""
    return LAYERS[app].partition("|")[2].split()


def room_of(path: Path) -> str:
    """`integrations/broker` for everything in that folder, `accounts/policy` for that module."""
    return "/".join(path.relative_to(ROOT).with_suffix("").parts[:2])
