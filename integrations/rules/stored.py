"""The rules that an integration stores, parsed once for equal ones."""

import json
from collections.abc import Sequence
from functools import lru_cache

from integrations.inheritance import KEPT
from integrations.models import Integration
from integrations.rules.shape import Rule


def rules_of(integration: Integration) -> Sequence[Rule]:
    """Return the rules of an integration, in their order."""
    return _parsed(json.dumps(integration.rules)) if integration.rules else ()


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> Sequence[Rule]:
    return tuple(Rule.model_validate(rule) for rule in json.loads(text))
