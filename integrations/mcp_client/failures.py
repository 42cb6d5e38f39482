"""What a server answered instead of a result, in one sentence and as a body of ours."""

from typing import Any

from integrations.errors import ResponseUnreadable
from integrations.mcp_client.channel import REJECTED, Answer, Channel

REDIRECTS = range(300, 400)
NO_CREDENTIAL = frozenset({401, 403, 407})
NO_SERVER = frozenset({404, 405})


class ServerFailure(Exception):  # noqa: N818 - an answer, not a fault
    """The server was reached and did not do what was asked; `body` is what the caller of the run gets."""

    def __init__(self, sentence: str, **more: Any) -> None:
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
        return ServerFailure(f"{sentence} and query parameters.", http_status=status)
    if answer.reply and answer.reply.error is not None:
        return _of_error(answer.reply.error)
    if status in REDIRECTS:
        sentence = f"{host} answered with a redirect (status {status}), which is not followed. Enter its new address."
        return ServerFailure(sentence, http_status=status)
    if status in NO_SERVER:
        return ServerFailure(f"{host} has no MCP server at this path: status {status}.", http_status=status)
    if status >= REJECTED:
        return ServerFailure(f"{host} answered with status {status}.", http_status=status)
    return channel.unreadable()


def _of_error(error: dict[str, Any]) -> ServerFailure:
    """A JSON-RPC error."""
    said = error.get("message")
    code = error.get("code") if isinstance(error.get("code"), int) else None
    sentence = f"The server answered with the error {code}: {said if isinstance(said, str) else 'without a message'}"
    more = {"data": error["data"]} if "data" in error else {}
    return ServerFailure(sentence, code=code, **more)
