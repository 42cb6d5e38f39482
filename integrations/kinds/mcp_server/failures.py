"""Errors of MCP servers, as one sentence and as the body of the response."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from integrations.errors import ResponseUnreadable
from integrations.kinds.mcp_server.client import McpClient
from integrations.kinds.mcp_server.replies import McpResponse

REDIRECTS = range(300, 400)
NO_CREDENTIAL = frozenset({401, 403, 407})
NO_SERVER = frozenset({404, 405})
LARGEST_CODE = 2**31
SHOWN_ADDRESS = 200

_ENDS, _UNSHOWN = re.compile(r"[?#]"), re.compile(r"[^\x21-\x7e]")


class ServerFailure(Exception):  # noqa: N818 - a response of the server, not an error of Coffer
    """The server was reached but returned no result.

    Attributes:
        sentence: our description; its only text from the server is the address of a redirect.
        body: the body for the caller of the run; it may contain text from the server.
    """

    def __init__(self, sentence: str, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__("a server's response")
        self.sentence = sentence
        self.body: dict[str, Any] = {"error": {"message": sentence, **more}}


class Stale(Exception):  # noqa: N818 - the exchange is repeated
    """What was remembered of the server is wrong; the request had no effect.

    Attributes:
        failure: the server's response.
    """

    def __init__(self, failure: ServerFailure) -> None:
        super().__init__("a server has changed")
        self.failure = failure


def failure_of(response: McpResponse, client: McpClient) -> ServerFailure | ResponseUnreadable:
    """Return the error of a response without a result; ResponseUnreadable if the response is not MCP.

    The server's own text is passed on, masked like every response.
    """
    status, host = response.status, client.host
    error = response.reply.error if response.reply else None
    more = _members(error) if error is not None else {}
    said = error.get("message") if error is not None else response.text
    said = said if isinstance(said, str) else ""
    if error is not None and status not in NO_CREDENTIAL:
        return ServerFailure(
            f"{host} answered with the error {more['code']}.", more | ({"message": said} if said else {})
        )
    sentence = _sentence(response, host)
    if sentence is None:
        return client.unreadable()
    return ServerFailure(sentence, {"http_status": status, **more, **({"said": said} if said else {})})


def _sentence(response: McpResponse, host: str) -> str | None:
    """Return what a status says; None if it is no error."""
    status = response.status
    if status in NO_CREDENTIAL:
        sentence = f"{host} refused the credential: it answered with status {status}."
        return f"{sentence} Check the secrets in its headers and query parameters."
    if status in REDIRECTS:
        leads = f" to {address}" if (address := shown_address(response.location)) else ""
        sentence = f"{host} answered with a redirect{leads} (status {status}), which is not followed."
        return f"{sentence} Enter the address of the MCP server itself."
    if status in NO_SERVER:
        return f"{host} has no MCP server at this path: status {status}."
    return f"{host} answered with status {status}." if response.is_rejected else None


def shown_address(reference: bytes) -> str:
    """Return an address that a server named, as far as it can be shown: without user, query and fragment."""
    scheme, mark, rest = _ENDS.split(reference.decode("latin-1"), maxsplit=1)[0].partition("//")
    authority, slash, path = rest.partition("/")
    shown = f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}" if mark else scheme
    return _UNSHOWN.sub("", shown)[:SHOWN_ADDRESS]


def _members(error: dict[str, Any]) -> dict[str, Any]:
    """Return the code of a JSON-RPC error, if it is a proper one, and its data."""
    code = error.get("code")
    known = code if type(code) is int and abs(code) <= LARGEST_CODE else None
    return {"code": known, **({"data": error["data"]} if "data" in error else {})}
