"""Single sign-on with one OpenID Connect provider, as django-allauth wants to be told of it."""

from typing import Any

PROVIDER_ID = "sso"


def providers(*, issuer: str, name: str, client_id: str, secret: str) -> dict[str, Any]:
    """The setting `SOCIALACCOUNT_PROVIDERS`. With PKCE (RFC 7636), so that a stolen code is of no use to anybody."""
    app = {
        "provider_id": PROVIDER_ID,
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
