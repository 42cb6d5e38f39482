"""What becomes of a call that fails: a refusal without the text of an error, or the response without its body."""

import logging
import ssl
from dataclasses import replace

import aiohttp
from aiohttp.http import HttpProcessingError

from accounts.errors import Refusal
from integrations.errors import (
    ResponseTooLarge,
    ResponseUnreadable,
    UpstreamTimeout,
    UpstreamTls,
    UpstreamUnreachable,
)
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.transport.reception import Response
from secrets_app.redaction.redactor import Reason

_REASONS = {ResponseTooLarge: Reason.TOO_LARGE, UpstreamTimeout: Reason.TOO_SLOW}

logger = logging.getLogger(__name__)


def refusal_for(error: Exception, request: OutgoingRequest, *, has_begun: bool) -> Refusal:
    """Return the refusal for an error; its text and cause are dropped.

    Args:
        has_begun: whether the head of a response has arrived.
    """
    host = request.url.raw_host
    if isinstance(error, TimeoutError):
        return UpstreamTimeout(f"{host} did not answer in time.")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError) and not has_begun:
        return UpstreamTls(f"{host} did not present a certificate that is trusted for this name.")
    if isinstance(error, aiohttp.ClientPayloadError | HttpProcessingError) or has_begun:
        return ResponseUnreadable(f"The response of {host} ended too early or is not HTTP.")
    if not isinstance(error, aiohttp.ClientError | OSError):
        logger.error("an outgoing call failed with an unexpected %s", type(error).__name__)
    return UpstreamUnreachable(f"{host} could not be reached.")


def without_body(response: Response, request: OutgoingRequest, refusal: Refusal) -> UpstreamResponse:
    """Return the response without its body: a call that worked is never reported as failed.

    Raises:
        Refusal: the body is what the request is made for. The refusal says the status.
    """
    head = response.received()
    if head.is_success and request.needs_body:
        refusal.detail += f" The status was {head.status}."
        refusal.members["upstream_status"] = head.status
        raise refusal from None
    return replace(head, missing=_REASONS.get(type(refusal), Reason.BROKEN_OFF))
