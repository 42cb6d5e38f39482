"""The form *Connect an agent*: a new API key for calls in exactly one environment, and the client that gets it."""

from typing import Any

from django.http import QueryDict

from accounts.common.environments import Environment
from accounts.errors import FieldError
from accounts.policy import Scope
from integrations.web.agents.snippets import OF_CLIENT
from integrations.web.forms import api_key
from integrations.web.forms.api_key import IN_DAYS, NEVER, SOME, SubmittedApiKey

USUAL_CLIENT = "claude-code"
USUAL_LIMITS = {"max_concurrent": "20", "max_per_minute": "120"}
ENDS = {**IN_DAYS, NEVER: "Never"}


def blank() -> dict[str, Any]:
    """Return the fields of an empty form, with the least access."""
    staging = [Environment.STAGING.value]
    return api_key.blank() | {"client": USUAL_CLIENT, "environments": staging, "reach": SOME} | USUAL_LIMITS


def read(post: QueryDict) -> SubmittedApiKey:
    """Read a submitted form: that of an API key, with the scope of calls and a client. The service checks the rest."""
    fields = post.copy()
    fields.setlist("scopes", [Scope.RUN.value])
    sent = api_key.read(fields)
    client = post.get("client", "")
    sent.values["client"] = client
    if client not in OF_CLIENT:
        sent.errors.append(FieldError("client", "Choose the agent that you connect."))
    if len(sent.values["environments"]) > 1:
        sent.errors.append(FieldError("environments", "Choose exactly one environment."))
    return sent


def environment_of(values: dict[str, Any]) -> Environment:
    """Return the environment that is chosen, for the list of tools; the usual one if none is."""
    chosen = [one for one in Environment if one.value in values["environments"]]
    return chosen[0] if chosen else Environment.STAGING
