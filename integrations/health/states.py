"""The words for how an integration fares, computed here and nowhere else (docs/concepts.md, "States").

Pages, the API, the list and its filter, readiness and the overview take them from here.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from accounts.common.environments import Environment, in_order
from integrations.errors import IntegrationDisabled, SecretDisabled
from integrations.models import Integration, IntegrationState

READY, WORKING, FAILING, PAUSED = STATES = ("ready", "working", "failing", "paused")

NOTES = {
    "integration_disabled": "Its auth connector is disabled",
    "environment_not_enabled": "Its auth connector does not run everywhere",
    "secret_missing": "A secret is missing",
    "secret_disabled": "A secret is disabled",
    "key_unavailable": "A value cannot be opened",
    "domain_not_allowed": "A secret may not go to its host",
    "egress_denied": "Its host may not be called",
    "invalid_url": "Its URL may not be called",
    "invalid": "Its configuration cannot be used",
    "invalid_header_value": "A value cannot be sent where it is used",
}
"""The note for each code with which a run would be refused. What the last run said of these is not asked: whether it is
still so is known without a run."""

NOTES_OF_RUNS = {
    "response_too_large": "The answer was too large",
    "response_unreadable": "The answer could not be read",
    "token_refused": "Its credential got no access token",
    "upstream_timeout": "There was no answer in time",
    "upstream_tls": "The certificate of the other side was not trusted",
    "upstream_unreachable": "The other side could not be reached",
}
"""The note for each code with which the last run failed."""
LAST_FAILED = "The last run failed"
NO_ENVIRONMENT = "No environment is chosen"
SERVER_ERROR = 500

SWITCHED_OFF = {IntegrationDisabled.code, SecretDisabled.code}
"""Codes that somebody caused on purpose. They pause an integration; all other codes make it fail."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What would certainly refuse a run.

    Attributes:
        environments: where; empty for everywhere.
    """

    code: str
    environments: frozenset[Environment] = frozenset()


@dataclass(frozen=True, slots=True)
class Health:
    """How an integration fares.

    Attributes:
        state: one of `STATES`.
        note: the reason in words, if it fails, or somebody did not pause the integration itself.
        failing_in: the environments in which it fails, in order.
        last: what the runs of those environments said; nothing of what fails without a run.
        code: of what would refuse a run.
    """

    state: str
    note: str = ""
    failing_in: list[Environment] = field(default_factory=list)
    last: list[IntegrationState] = field(default_factory=list)
    code: str = ""


def health_of(integration: Integration, obstacles: Iterable[Obstacle], rows: Iterable[IntegrationState]) -> Health:
    """Return how an integration fares.

    Args:
        obstacles: what would refuse its runs in its environments, now.
        rows: what its last runs said.
    """
    if not integration.enabled or not integration.environments:
        return Health(PAUSED, NO_ENVIRONMENT if integration.enabled else "")
    found = list(obstacles)
    off = _places(integration, found, SWITCHED_OFF)
    said = [row for row in rows if Environment(row.environment) in integration.environments - off]
    if failure := _failure(integration, found, said):
        return failure
    if off == integration.environments:
        return Health(PAUSED, NOTES[found[0].code])
    return Health(READY if all(row.failing for row in said) else WORKING)


def _failure(integration: Integration, obstacles: list[Obstacle], rows: list[IntegrationState]) -> Health | None:
    """Return how an integration fails; None if it does not. What would stop a run comes before what one said."""
    codes = [one.code for one in obstacles if one.code not in SWITCHED_OFF]
    failing = [row for row in rows if row.failing and row.error_code not in NOTES]
    places = _places(integration, obstacles, codes) | {Environment(row.environment) for row in failing}
    if codes:
        return Health(FAILING, NOTES[codes[0]], in_order(places), failing, codes[0])
    return Health(FAILING, note_of(failing[0]), in_order(places), failing) if failing else None


def _places(integration: Integration, obstacles: Iterable[Obstacle], codes: Container[str]) -> frozenset[Environment]:
    """Return in which of its environments obstacles with these codes stop an integration."""
    found = [one.environments or integration.environments for one in obstacles if one.code in codes]
    return integration.environments.intersection(frozenset().union(*found))


def health_by_runs(rows: Iterable[IntegrationState], environment: Environment) -> Health:
    """Return how an integration that nothing would stop fares in one environment."""
    for row in rows:
        if row.environment == environment.value and not row.failing:
            return Health(WORKING)
        if row.environment == environment.value and row.error_code not in NOTES:
            return Health(FAILING, note_of(row), [environment], [row])
    return Health(READY)


def note_of(row: IntegrationState) -> str:
    """Return why the last run failed, in words."""
    if row.error_code or row.status is None:
        return NOTES_OF_RUNS.get(row.error_code, LAST_FAILED)
    answered = f"The other side answered {row.status}"
    return answered if row.status >= SERVER_ERROR else f"{answered}: it refuses the credential"
