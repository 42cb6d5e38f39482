"""Following redirects within one call (docs/security-rules.md, "Redirects").

Every hop is judged like the first: Coffer may call its host, and the allowed domains of every secret in the call
include the host, even where no secret is sent there. No value is sent to another origin. One time limit covers all
hops.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import replace

from yarl import URL

from integrations.egress import configuration
from integrations.egress.policy import admit_url
from integrations.errors import DomainNotAllowed, ResponseUnreadable, UpstreamTimeout
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.redirects import MAX_HOPS, Following, location_of, next_request, next_url
from secrets_app.naming.domains import allows
from secrets_app.redaction.redactor import Redactor

Send = Callable[[OutgoingRequest], Awaitable[UpstreamResponse]]


async def follow(
    request: OutgoingRequest,
    following: Following,
    *,
    send: Send,
    domains: Mapping[str, Sequence[str]],
    redactor: Redactor,
) -> UpstreamResponse:
    """Send a request and follow at most `MAX_HOPS` redirects; return the final response.

    Args:
        send: sends one request under the egress rules.
        domains: the allowed domains of each secret, by name.
        redactor: finds every value that was sent, in whatever form.

    Raises:
        DomainNotAllowed: a secret may not be sent to the host of a hop, or a value would be sent to another origin.
        ResponseUnreadable: there are more than `MAX_HOPS` redirects.
        InvalidUrl, EgressDenied: a hop may not be called. Also the refusals of `send`.
    """
    deadline, home = time.monotonic() + request.timeout_seconds, request.url.origin()

    def admit(origin: str) -> URL:
        """Judge the origin of a hop.

        An origin that contains a value is refused before parsing, because URL parsers cache what they parse.
        """
        if origin.lower() != f"{home.scheme}://{home.raw_authority}":
            _refuse_disclosure(redactor.names_in(origin.encode()))
        return admit_url(origin, configuration.policy())

    response = await send(request)
    for _ in range(MAX_HOPS):
        location = location_of(response)
        if location is None:
            return response
        url = next_url(request.url, location, admit)
        request = next_request(request, response.status or 0, url, following.harmless)
        if url.origin() != home:
            _check_no_value_leaves(request, location, following, redactor)
        _check_domains(url, following, domains)
        response = await send(replace(request, timeout_seconds=left(deadline, url)))
    if location_of(response) is not None:
        raise ResponseUnreadable(f"{request.url.raw_host} redirects more than {MAX_HOPS} times.")
    return response


def _check_domains(url: URL, following: Following, domains: Mapping[str, Sequence[str]]) -> None:
    host = url.raw_host or ""
    for name in sorted(following.secret_names):
        if not allows(domains[name], host):
            raise DomainNotAllowed(f"A redirect leads to {host}, which is not one of the allowed domains of {name}.")


def _check_no_value_leaves(request: OutgoingRequest, location: bytes, following: Following, redactor: Redactor) -> None:
    """Refuse to send a value to another origin, in the body or in the URL.

    The message does not name the host, which may contain the value.
    """
    _refuse_disclosure(redactor.names_in(location) | set(following.body_secrets if request.body is not None else ()))


def _refuse_disclosure(disclosed: Set[str]) -> None:
    if disclosed:
        raise DomainNotAllowed(f"A redirect would send {', '.join(sorted(disclosed))} to another origin.")


def left(deadline: float, url: URL) -> float:
    """Return how many seconds of a call are left.

    Raises:
        UpstreamTimeout: there are none.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise UpstreamTimeout(f"{url.raw_host} did not answer in time.")
    return seconds
