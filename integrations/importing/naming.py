"""Names within an import: those that are free, and those of secrets in configurations."""

import re
from collections.abc import Iterable, Mapping
from itertools import chain, count
from typing import Any

from django.conf import settings
from django.db.models.functions import Lower

from accounts.actors import Actor
from accounts.errors import Refusal
from integrations.egress.destinations import parse_url
from integrations.importing import texts
from integrations.models import Integration
from integrations.templating.placeholders import SecretPlaceholder
from secrets_app.naming import names
from secrets_app.naming.domains import BadDomain, clean_domain

_PLACEHOLDER = re.compile(rf"\{{secrets\.({names.NAME})\}}")


class FreeNames:
    """Names of integrations that nobody has, and that this import has not given yet."""

    def __init__(self, actor: Actor) -> None:
        """Read the names of the organization."""
        rows = Integration.objects.of(actor.organization).annotate(folded=Lower("name"))
        self._taken = set(rows.values_list("folded", flat=True))

    def is_taken(self, name: str) -> bool:
        """Return whether somebody has a name, in any case."""
        return name.lower() in self._taken

    def take(self, name: str, mark: str) -> str:
        """Return a name, with a mark or a number if it is taken; it is taken from then on."""
        marked = f"{texts.cut(name, 60)} ({texts.cut(mark, 30)})"
        numbered = (f"{texts.cut(name, 90)} {number}" for number in count(2))
        found = next(each for each in chain((name, marked), numbered) if not self.is_taken(each))
        self._taken.add(found.lower())
        return found


def with_names(node: Any, chosen: Mapping[str, str]) -> Any:
    """Return a part of a configuration with the chosen names of secrets in its placeholders."""
    if isinstance(node, Mapping):
        return {key: with_names(child, chosen) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return [with_names(child, chosen) for child in node]
    if not isinstance(node, str):
        return node
    return _PLACEHOLDER.sub(lambda match: str(SecretPlaceholder(chosen.get(match[1], match[1]))), node)


def domains_of(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts of addresses as allowed domains; none, which is any host, if one of them cannot be listed."""
    found = []
    for address in dict.fromkeys(addresses):
        try:
            host = parse_url(address).raw_host or ""
            found.append(clean_domain(host, operator_hosts=bool(settings.EGRESS_ALLOW)))
        except (BadDomain, Refusal):
            return ()
    return tuple(dict.fromkeys(found))
