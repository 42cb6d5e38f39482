"""Well-known services: data to fill the form of a new connection or auth connector.

An entry contains the address, the place of the credential, a harmless path for the check, and the allowed domains to
propose for the secrets. Nothing is fetched or updated automatically; people review the form before they save it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CONNECTION, CONNECTOR = "api_connection", "auth_connector"


@dataclass(frozen=True, slots=True)
class KnownService:
    """A service to start from.

    Attributes:
        domains: the allowed domains to propose for its secrets.
        configs: the configuration to start with, by kind.
        note: what people should know before they use it.
    """

    key: str
    name: str
    domains: tuple[str, ...]
    configs: Mapping[str, Mapping[str, Any]] = field(hash=False)
    note: str = ""


def _header(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _connection(base_url: str, headers: list[dict[str, str]], check_path: str) -> dict[str, dict[str, Any]]:
    return {CONNECTION: {"base_url": base_url, "headers": headers, "check_path": check_path}}


def _bearer(secret: str) -> dict[str, str]:
    return _header("Authorization", f"Bearer {{secrets.{secret}}}")


KNOWN_SERVICES = (
    KnownService(
        "anthropic",
        "Anthropic",
        ("api.anthropic.com",),
        _connection(
            "https://api.anthropic.com",
            [_header("x-api-key", "{secrets.anthropic.apiKey}"), _header("anthropic-version", "2023-06-01")],
            "/v1/models",
        ),
    ),
    KnownService(
        "deepgram",
        "Deepgram",
        ("api.deepgram.com",),
        _connection(
            "https://api.deepgram.com",
            [_header("Authorization", "Token {secrets.deepgram.apiKey}")],
            "/v1/projects",
        ),
    ),
    KnownService(
        "elevenlabs",
        "ElevenLabs",
        ("api.elevenlabs.io",),
        _connection("https://api.elevenlabs.io", [_header("xi-api-key", "{secrets.elevenlabs.apiKey}")], "/v1/user"),
        note="A key with restricted permissions needs the permission to read the user for the check.",
    ),
    KnownService(
        "github",
        "GitHub",
        ("api.github.com",),
        _connection(
            "https://api.github.com",
            [
                _bearer("github.token"),
                _header("Accept", "application/vnd.github+json"),
                _header("X-GitHub-Api-Version", "2022-11-28"),
            ],
            "/user",
        ),
    ),
    KnownService(
        "hubspot",
        "HubSpot",
        ("api.hubapi.com",),
        _connection("https://api.hubapi.com", [_bearer("hubspot.accessToken")], "/account-info/v3/details"),
        note="The secret is the access token of a private app.",
    ),
    KnownService(
        "openai",
        "OpenAI",
        ("api.openai.com",),
        _connection("https://api.openai.com", [_bearer("openai.apiKey")], "/v1/models"),
    ),
    KnownService(
        "slack",
        "Slack",
        ("slack.com",),
        _connection("https://slack.com/api", [_bearer("slack.botToken")], ""),
        note="Slack returns status 200 even for errors, so a check cannot detect them: look at “ok” in the response.",
    ),
    KnownService(
        "stripe",
        "Stripe",
        ("api.stripe.com",),
        _connection("https://api.stripe.com", [_bearer("stripe.secretKey")], "/v1/balance"),
        note="A restricted key needs the permission to read the balance for the check.",
    ),
    KnownService(
        "telnyx",
        "Telnyx",
        ("api.telnyx.com",),
        _connection("https://api.telnyx.com", [_bearer("telnyx.apiKey")], "/v2/balance"),
    ),
    KnownService(
        "twilio",
        "Twilio",
        ("api.twilio.com",),
        {
            **_connection("https://api.twilio.com", [], "/2010-04-01/Accounts.json"),
            CONNECTOR: {
                "type": "basic",
                "username": "{secrets.twilio.accountSid}",
                "password": "{secrets.twilio.authToken}",
            },
        },
        note="Twilio takes the account SID as user name and the auth token as password.",
    ),
)
"""All services, in alphabetical order."""


def known_service(key: str, kind: str) -> KnownService | None:
    """Return the service with this key if it has a configuration for the kind; None otherwise."""
    return next((service for service in KNOWN_SERVICES if service.key == key and kind in service.configs), None)
