"""Signing for a SIP trunk: answering digest challenges, and verifying answers.

Realm, host of the URI, method and algorithm are checked before the password is decrypted. The computation is in
`login.py`.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.errors import FieldError
from integrations.errors import InvalidHeaderValue
from integrations.exchange.channels import Channel
from integrations.exchange.exchange import Exchange
from integrations.exchange.messages import UpstreamResponse
from integrations.kinds.sip_trunk.challenges import usable
from integrations.kinds.sip_trunk.login import CHALLENGES, Login
from integrations.sip import digest
from integrations.sip.digest import MalformedDigest
from integrations.sip.uris import MAX_LENGTH, host_of, is_telephone
from integrations.templating.placeholders import Template
from secrets_app.plaintext import Plaintext

METHODS = (
    *("REGISTER", "INVITE", "ACK", "BYE", "REFER", "OPTIONS", "UPDATE", "PRACK", "INFO"),
    *("SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH"),
)
"""The methods of SIP that can be challenged: all but CANCEL (RFC 3261 section 22.1)."""

_SHOWN_HOSTS = 5
_NO_URI = (
    f"Give a SIP URI of at most {MAX_LENGTH} characters without password, header part (?…) and maddr, or a tel URI."
)


@dataclass(frozen=True)
class _WithChallenge(Exchange):
    """An operation on a digest challenge. It sends nothing."""

    login: Login
    hosts: frozenset[str]

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in the login."""
        return self.login.secret_names

    @property
    def sip_texts(self) -> Mapping[str, Template]:
        """The user name and the password."""
        return {"User name": self.login.username, "Password": self.login.password}

    def note(self, params: Mapping[str, Any]) -> str:
        """Return the method, the hashed nonce, the algorithm and the host of the URI."""
        challenge = usable(params["challenge"], self.login)[0]
        marked = digest.nonce_hash(challenge.nonce)[:16]
        return f"{params['method']}, nonce {marked}, {challenge.algorithm}, {host_of(params['uri']) or 'tel'}"[:200]

    def problems(self, params: Mapping[str, Any]) -> list[FieldError]:
        """Return what is wrong if the trunk may not answer the challenge, or not for the URI."""
        found = {
            "challenge": self._problem_with_challenge(params["challenge"]),
            "uri": self._problem_with_uri(params["uri"]),
        }
        return [FieldError(f"params.{name}", problem) for name, problem in found.items() if problem]

    def _problem_with_challenge(self, offered: str | list[str]) -> str | None:
        try:
            usable(offered, self.login)
        except MalformedDigest as problem:
            return str(problem)
        return None

    @abstractmethod
    def _problem_with_uri(self, uri: str) -> str | None:
        """Return why the operation refuses a URI; None if it accepts it."""


@dataclass(frozen=True)
class SignCall(_WithChallenge):
    """Returns the header that answers a challenge, so that a media server never holds the password."""

    @property
    def summary(self) -> str:
        """A description of the operation."""
        return "Answer a digest challenge"

    def _problem_with_challenge(self, offered: str | list[str]) -> str | None:
        """Return why a challenge is refused. Without a realm, answers for other servers could be requested."""
        if self.login.realm is None:
            return (
                "The trunk has no realm. Enter the realm in the trunk, so that Coffer answers only its challenges; "
                'for realm="", say there that it is empty (empty_realm).'
            )
        if self.login.username.secret_names:
            return "The user name of the trunk is a secret, but answers contain it. Enter it as plain text."
        return super()._problem_with_challenge(offered)

    def _problem_with_uri(self, uri: str) -> str | None:
        host = host_of(uri)
        if host in self.hosts or is_telephone(uri):
            return None
        if host is None:
            return _NO_URI
        known = [f"sip:[{host}]" if ":" in host else f"sip:{host}" for host in sorted(self.hosts)]
        shown = " or ".join(known[:_SHOWN_HOSTS])
        return f"The host of the URI is not the trunk's. Use {shown}, or add the host to the trunk's sign_hosts."

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, Any]
    ) -> UpstreamResponse:
        """Return the name and value of the header.

        Raises:
            InvalidHeaderValue: the value would contain the password.
        """
        challenge = usable(params["challenge"], self.login)[0]
        value = await self.login.answer(channel, challenge, secrets, method=params["method"], uri=params["uri"])
        if self.login.shows_in(value, secrets):
            raise InvalidHeaderValue(
                "The answer would show the password, so Coffer does not return it: the password is too short, or it "
                "is part of the user name, the realm or the URI. Use another password."
            )
        return _json_response({"header": CHALLENGES[407 if params["proxy"] else 401][1], "value": value})


@dataclass(frozen=True)
class VerifyCall(_WithChallenge):
    """Verifies that an answer to a challenge was made with the trunk's user name and password."""

    @property
    def summary(self) -> str:
        """A description of the operation."""
        return "Check an answer to a digest challenge"

    def problems(self, params: Mapping[str, Any]) -> list[FieldError]:
        """Return what is wrong, also with the answer."""
        found = super().problems(params)
        try:
            digest.read_credentials(params["authorization"])
        except MalformedDigest as problem:
            found.append(FieldError("params.authorization", str(problem)))
        return found

    def _problem_with_uri(self, uri: str) -> str | None:
        """Return why a URI is refused. Its host is the media server's, which the trunk does not know."""
        return None if host_of(uri) or is_telephone(uri) else _NO_URI

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, Any]
    ) -> UpstreamResponse:
        """Return whether the answer is valid for one of the challenges."""
        user, given = self.login.user(secrets), digest.read_credentials(params["authorization"])
        valid = any(
            digest.is_answered_by(
                challenge,
                given,
                username=user,
                ha1=self.login.secret_half(channel, challenge, secrets),
                method=params["method"],
                uri=params["uri"],
            )
            for challenge in usable(params["challenge"], self.login)
        )
        return _json_response({"valid": valid})


def _json_response(answer: Mapping[str, object]) -> UpstreamResponse:
    return UpstreamResponse(None, b"", (), json.dumps(answer).encode(), True, succeeded=True)
