"""What a server answered instead of a result, in one sentence and as a body of ours."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from integrations.errors import ResponseUnreadable
from integrations.kinds.mcp_server.channel import REJECTED, Answer, Channel

REDIRECTS = range(300, 400)
NO_CREDENTIAL = frozenset({401, 403, 407})
NO_SERVER = frozenset({404, 405})
LARGEST_CODE = 2**31


class ServerFailure(Exception):  # noqa: N818 - an answer, not a fault
    """The server was reached and did not do what was asked.

    `sentence` is ours: nothing in it is worded by the server. `body` is for the caller of the run, and may hold that.
    """

    def __init__(self, sentence: str, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__("a server's answer")
        self.sentence = sentence
        self.body: dict[str, Any] = {"error": {"message": sentence, **more}}


class Stale(Exception):  # noqa: N818 - it is tried again
    """What was known of a server does not hold any more; nothing was done. `failure` is what it answered."""

    def __init__(self, failure: ServerFailure) -> None:
        super().__init__("a server has changed")
        self.failure = failure


def failure_of(answer: Answer, channel: Channel) -> ServerFailure | ResponseUnreadable:
    """An answer without a result; ResponseUnreadable where it is no answer of MCP at all.

    What the server says of an error is passed on, and masked like everything.
    """
    status, host = answer.status, channel.host
    if status in NO_CREDENTIAL:
        sentence = f"{host} refused the credential: it answered with status {status}. Check the secrets in its headers"
        return ServerFailure(f"{sentence} and query parameters.", {"http_status": status})
    if answer.reply and answer.reply.error is not None:
        return _of_error(answer.reply.error, host)
    if status in REDIRECTS:
        sentence = f"{host} answered with a redirect (status {status}), which is not followed. Enter its new address."
        return ServerFailure(sentence, {"http_status": status})
    if status in NO_SERVER:
        return ServerFailure(f"{host} has no MCP server at this path: status {status}.", {"http_status": status})
    if status >= REJECTED:
        return ServerFailure(f"{host} answered with status {status}.", {"http_status": status})
    return channel.unreadable()


def _of_error(error: dict[str, Any], host: str) -> ServerFailure:
    """A JSON-RPC error: what the server says goes to the caller alone."""
    code, said = error.get("code"), error.get("message")
    known = code if type(code) is int and abs(code) <= LARGEST_CODE else None
    more = {key: error[key] for key in ("data",) if key in error}
    more |= {"message": said} if isinstance(said, str) and said else {}
    return ServerFailure(f"{host} answered with the error {known}.", {"code": known, **more})
