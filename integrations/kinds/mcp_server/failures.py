"""Errors of MCP servers, as one sentence and as the body of the response."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from integrations.errors import ResponseUnreadable
from integrations.kinds.mcp_server.client import REJECTED, McpClient, McpResponse

REDIRECTS = range(300, 400)
NO_CREDENTIAL = frozenset({401, 403, 407})
NO_SERVER = frozenset({404, 405})
LARGEST_CODE = 2**31


class ServerFailure(Exception):  # noqa: N818 - a response of the server, not an error of Coffer
    """The server was reached but returned no result.

    Attributes:
        sentence: our description; it contains no text from the server.
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
    if status in NO_CREDENTIAL:
        sentence = f"{host} refused the credential: it answered with status {status}. Check the secrets in its headers"
        return ServerFailure(f"{sentence} and query parameters.", {"http_status": status})
    if response.reply and response.reply.error is not None:
        return _of_error(response.reply.error, host)
    if status in REDIRECTS:
        sentence = f"{host} answered with a redirect (status {status}), which is not followed. Enter its new address."
        return ServerFailure(sentence, {"http_status": status})
    if status in NO_SERVER:
        return ServerFailure(f"{host} has no MCP server at this path: status {status}.", {"http_status": status})
    if status >= REJECTED:
        return ServerFailure(f"{host} answered with status {status}.", {"http_status": status})
    return client.unreadable()


def _of_error(error: dict[str, Any], host: str) -> ServerFailure:
    """Return the failure for a JSON-RPC error. Only the caller sees the server's text."""
    code, said = error.get("code"), error.get("message")
    known = code if type(code) is int and abs(code) <= LARGEST_CODE else None
    more = {key: error[key] for key in ("data",) if key in error}
    more |= {"message": said} if isinstance(said, str) and said else {}
    return ServerFailure(f"{host} answered with the error {known}.", {"code": known, **more})
