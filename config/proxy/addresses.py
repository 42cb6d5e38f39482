"""Reading the address of a request that is passed through: `/proxy/{connection}[@{environment}]/{path}?{query}`."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid, NotFound
from config.http.requests import PASSED_THROUGH, header_of
from integrations.broker.streams.addressed import Address

HEADER = b"coffer-environment"

_ENVIRONMENTS = {environment.value: environment for environment in Environment}


@dataclass(frozen=True, slots=True)
class PassedTarget:
    """What the target of a request means.

    Attributes:
        path: what follows the connection, as it came: empty, or with a slash at its beginning.
        query: as it came, without its question mark.
    """

    address: Address
    path: str
    query: str

    @property
    def whole(self) -> str:
        """Path and query with all their percent-encoding undone, for looking what stands in them."""
        return unquote_to_bytes(f"{self.address.connection}{self.path}?{self.query}").decode("latin-1")


def target_of(scope: dict[str, Any]) -> PassedTarget:
    """Return what the target of a request means.

    Raises:
        NotFound: it names no connection.
        Invalid: the header names no environment.
    """
    raw = scope["raw_path"].decode("latin-1")
    first, slash, rest = raw.removeprefix(PASSED_THROUGH).partition("/")
    try:
        connection = unquote_to_bytes(first).decode()
    except UnicodeDecodeError:
        connection = ""
    name, mark, environment = connection.rpartition("@")
    if mark and environment in _ENVIRONMENTS:
        address = Address(name, _ENVIRONMENTS[environment])
    else:
        address = Address(connection, _environment_in_header(scope))
    if not address.connection or "\0" in address.connection:
        raise NotFound("No such connection.")
    return PassedTarget(address, slash + rest, scope["query_string"].decode("latin-1"))


def _environment_in_header(scope: dict[str, Any]) -> Environment | None:
    named = header_of(scope, HEADER).strip()
    if named and named not in _ENVIRONMENTS:
        sentence = f"Choose one of: {', '.join(_ENVIRONMENTS)}."
        raise Invalid(
            f"The header Coffer-Environment names no environment. {sentence}",
            errors=[FieldError("environment", sentence)],
        )
    return _ENVIRONMENTS[named] if named else None
