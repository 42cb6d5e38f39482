"""Following the redirects of one call (docs/security-rules.md, "Redirects"): judged at each hop as at the first.

Owns: that every hop may be called, that the allowed domains of every secret in the call include its host although no
secret goes there, that nothing shows a value to another origin, and the one limit of time for all hops.
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
    """The answer behind at most `MAX_HOPS` redirects.

    Args:
        domains: the allowed domains of each secret, by name.
        redactor: finds every value that was sent, in whatever form.

    Raises:
        DomainNotAllowed: a secret of the call may not go to a hop's host, or one would be shown to another origin.
        ResponseUnreadable: there are more redirects.
        InvalidUrl, EgressDenied and the other refusals of `send`, for any hop.
    """
    ends, home = time.monotonic() + request.timeout_seconds, request.url.origin()
    in_any_case = redactor.in_lower_case()

    def admit(origin: str) -> URL:
        """Hosts have no case. One that is made of a value is not even parsed: parsers keep what they read."""
        if origin.lower() != f"{home.scheme}://{home.raw_authority}":
            found = in_any_case.mask_bytes(origin.lower().encode()).found
            _check_unseen(found | redactor.mask_bytes(origin.encode()).found)
        return admit_url(origin, configuration.policy())

    response = await send(request)
    for _ in range(MAX_HOPS):
        location = location_of(response)
        if location is None:
            return response
        url = next_url(request.url, location, admit)
        request = next_request(request, response.status or 0, url, following.harmless)
        if url.origin() != home:
            _check_silence(request, location, following, redactor)
        _check_domains(url, following, domains)
        response = await send(replace(request, timeout_seconds=_left(ends, url)))
    if location_of(response) is not None:
        raise ResponseUnreadable(f"{request.url.raw_host} redirects more than {MAX_HOPS} times.")
    return response


def _check_domains(url: URL, following: Following, domains: Mapping[str, Sequence[str]]) -> None:
    host = url.raw_host or ""
    for name in sorted(following.secret_names):
        if not allows(domains[name], host):
            raise DomainNotAllowed(f"A redirect leads to {host}, which is not one of the allowed domains of {name}.")


def _check_silence(request: OutgoingRequest, location: bytes, following: Following, redactor: Redactor) -> None:
    """Another origin gets no value: not in the body, and not in the address that it is called by.

    The host is not named: it may be made of the value.
    """
    _check_unseen(redactor.mask_bytes(location).found | set(following.body_secrets if request.body is not None else ()))


def _check_unseen(told: Set[str]) -> None:
    if told:
        raise DomainNotAllowed(f"A redirect would send {', '.join(sorted(told))} to another origin.")


def _left(ends: float, url: URL) -> float:
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise UpstreamTimeout(f"{url.raw_host} did not answer in time.")
    return seconds
