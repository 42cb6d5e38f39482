"""django-allauth's settings for single sign-on with one OpenID Connect provider."""

from typing import Any

PROVIDER_ID = "sso"


def providers(*, issuer: str, name: str, client_id: str, secret: str) -> dict[str, Any]:
    """Return the setting `SOCIALACCOUNT_PROVIDERS`. It uses PKCE (RFC 7636), so a stolen code is useless."""
    app = {
        "provider_id": PROVIDER_ID,
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
