"""The form of a new API key, and the pages of API keys."""

from uuid import uuid4

from accounts.access.api_keys import create_api_key
from accounts.common.environments import Environment
from accounts.policy import Scope

LIST = "/o/harbor-clinics/api-keys/"
NEW = LIST + "new/"
CHOICES = NEW + "integrations/"
FORM = {
    "name": "voice-runtime",
    "scopes": ["run"],
    "environments": ["staging", "production"],
    "reach": "all",
    "expires": "90",
    "max_concurrent": "100",
    "max_per_minute": "",
}


def fields(**changes):
    """A form that is right, with changes; None leaves a field out."""
    return {name: given for name, given in {"form": str(uuid4()), **FORM, **changes}.items() if given is not None}


def make(actor, name="voice-runtime", **changes):
    wanted = {"scopes": [Scope.RUN], "environments": [Environment.STAGING], **changes}
    return create_api_key(actor=actor, name=name, **wanted)[0]


def revoke_path(key):
    return f"{LIST}{key.id}/revoke/"


def page_of(client, path=LIST):
    return client.get(path).content.decode()
