"""Signing for a SIP trunk: answering a digest challenge for it, and checking an answer.

Owns what may be signed: the realm, the host of the URI, the method and the algorithm are pinned before the password is
opened. How it is signed is `sip_login.py`.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.errors import FieldError
from integrations.errors import InvalidHeaderValue
from integrations.exchange.exchange import Channel, Exchange
from integrations.exchange.messages import UpstreamResponse
from integrations.kinds.sip_trunk.login import CHALLENGES, Login
from integrations.sip import digest
from integrations.sip.digest import MalformedDigest
from integrations.sip.uris import host_of
from secrets_app.plaintext import Plaintext

METHODS = ("REGISTER", "INVITE", "ACK", "BYE", "REFER", "OPTIONS", "UPDATE", "PRACK", "INFO")
"""What is signed: what a media server is asked to authenticate for calls, and nothing that costs without a call."""


@dataclass(frozen=True)
class _WithChallenge(Exchange):
    """An operation about one digest challenge, which calls nobody."""

    login: Login
    hosts: frozenset[str]

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of the login."""
        return self.login.secret_names

    def note(self, params: Mapping[str, Any]) -> str:
        """Method, nonce (as a hash), algorithm and the host of the URI."""
        challenge = digest.read_challenge(params["challenge"])
        marked = digest.nonce_hash(challenge.nonce)[:16]
        return f"{params['method']}, nonce {marked}, {challenge.algorithm}, {host_of(params['uri'])}"[:200]

    def problems(self, params: Mapping[str, Any]) -> list[FieldError]:
        """The challenge is one that this trunk may answer, for a URI that it may answer for."""
        found = {
            "challenge": self._problem_with_challenge(params["challenge"]),
            "uri": self._problem_with_uri(params["uri"]),
        }
        return [FieldError(f"params.{name}", problem) for name, problem in found.items() if problem]

    def _problem_with_challenge(self, text: str) -> str | None:
        try:
            challenge = digest.read_challenge(text)
        except MalformedDigest as problem:
            return str(problem)
        if self.login.realm and challenge.realm != self.login.realm:
            return "The challenge is for another realm than that of the trunk."
        if challenge.algorithm not in self.login.algorithms:
            return f"The trunk does not allow {challenge.algorithm}."
        return None

    @abstractmethod
    def _problem_with_uri(self, uri: str) -> str | None:
        """Why the operation does not serve a URI."""


@dataclass(frozen=True)
class SignCall(_WithChallenge):
    """The header that answers a challenge, so that a media server never holds the password."""

    @property
    def summary(self) -> str:
        """What is made."""
        return "Answer a digest challenge"

    def _problem_with_challenge(self, text: str) -> str | None:
        """Without a realm, anybody could have answers made for servers elsewhere."""
        if not self.login.realm:
            return "The trunk has no realm. Enter it there, so that only its own challenges are answered."
        if self.login.username.secret_names:
            return "The user name of the trunk is a secret, and an answer shows it. Write it out in the trunk."
        return super()._problem_with_challenge(text)

    def _problem_with_uri(self, uri: str) -> str | None:
        if host_of(uri) in self.hosts:
            return None
        known = " or ".join(f"sip:{host}" for host in sorted(self.hosts))
        return f"The host of the URI is not that of the trunk. Use {known}, with a user or without."

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, Any]
    ) -> UpstreamResponse:
        """The name and the value of the header. Raises InvalidHeaderValue where the value would hold the password."""
        challenge = digest.read_challenge(params["challenge"])
        value = await self.login.answer(channel, challenge, secrets, method=params["method"], uri=params["uri"])
        if self.login.shows_in(value, secrets):
            raise InvalidHeaderValue(
                "The answer would show the password, so it is not given: the password is too short, or it is part of "
                "the user name, the realm or the URI. Use another one."
            )
        return _said({"header": CHALLENGES[407 if params["proxy"] else 401][1], "value": value})


@dataclass(frozen=True)
class VerifyCall(_WithChallenge):
    """Whether an answer to a challenge of ours was made with the trunk's user name and password."""

    @property
    def summary(self) -> str:
        """What is looked at."""
        return "Check an answer to a digest challenge"

    def problems(self, params: Mapping[str, Any]) -> list[FieldError]:
        """The answer can be read as well."""
        found = super().problems(params)
        try:
            digest.read_credentials(params["authorization"])
        except MalformedDigest as problem:
            found.append(FieldError("params.authorization", str(problem)))
        return found

    def _problem_with_uri(self, uri: str) -> str | None:
        """Whoever calls us names hosts of ours, which the trunk does not know."""
        return "Give a SIP URI without password, header part and maddr." if host_of(uri) is None else None

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, Any]
    ) -> UpstreamResponse:
        """True or false."""
        challenge = digest.read_challenge(params["challenge"])
        valid = digest.is_answered_by(
            challenge,
            digest.read_credentials(params["authorization"]),
            username=self.login.user(secrets),
            ha1=self.login.secret_half(channel, challenge, secrets),
            method=params["method"],
            uri=params["uri"],
        )
        return _said({"valid": valid})


def _said(answer: Mapping[str, object]) -> UpstreamResponse:
    return UpstreamResponse(None, b"", (), json.dumps(answer).encode(), True, succeeded=True)
