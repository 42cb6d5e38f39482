"""The conversations of a SIP trunk: trying it, answering a digest challenge for it, checking an answer.

Owns: which requests the test sends and what their answers mean, and what may be signed: the realm, the host of the
URI, the method and the algorithm are pinned before the password is opened. What leaves is a response and never the
password or HA1. The arithmetic is `digest.py`, the grammar `sip_messages.py`.
"""

import json
import secrets as random
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from accounts.errors import FieldError
from integrations import digest
from integrations.conversations import (
    FAILED,
    NOT_CHECKABLE,
    PASSED,
    Conversation,
    SipLine,
    Step,
    Wire,
    steps_response,
)
from integrations.digest import Challenge, MalformedDigest
from integrations.errors import InvalidHeaderValue, ResponseUnreadable
from integrations.placeholders import Template
from integrations.responses import UpstreamResponse
from integrations.sip_messages import SipMessage, SipPeer, SipRequest, shown_reason, uri_user
from integrations.sip_uris import host_of
from integrations.slots import Filling, fill_sip
from secrets_app.plaintext import Plaintext

METHODS = ("REGISTER", "INVITE", "ACK", "BYE", "REFER", "OPTIONS", "UPDATE", "PRACK", "INFO")
"""What is signed: what a media server is asked to authenticate for calls, and nothing that costs without a call."""

UPSTREAM_ERROR = "upstream_error"

_CHALLENGES = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
_NOT_THERE = {408, 503}  # what a proxy says for a server that does not answer
_NO_REGISTRAR = {405, 501}
_SHOWN_REALM = 100


@dataclass(frozen=True, slots=True)
class Login:
    """How a trunk signs in; an empty `realm` is not pinned yet."""

    username: Template
    password: Template
    realm: str
    algorithms: tuple[str, ...]

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of both, each once."""
        return tuple(dict.fromkeys([*self.username.secret_names, *self.password.secret_names]))

    def user(self, secrets: Mapping[str, Plaintext]) -> str:
        """The user name. Raises InvalidHeaderValue."""
        return fill_sip("user name", self.username, Filling({}, secrets))

    def shows_in(self, text: str, secrets: Mapping[str, Plaintext]) -> bool:
        """Whether a text holds the password."""
        return fill_sip("password", self.password, Filling({}, secrets)) in text

    def secret_half(self, wire: Wire, challenge: Challenge, secrets: Mapping[str, Plaintext]) -> str:
        """HA1 for a challenge, which is masked from here on like the password. Raises InvalidHeaderValue."""
        password = fill_sip("password", self.password, Filling({}, secrets))
        user = self.user(secrets)
        ha1 = digest.secret_half(challenge.algorithm, username=user, realm=challenge.realm, password=password)
        self.hide(wire, ha1)
        return ha1

    def hide_halves(self, wire: Wire, secrets: Mapping[str, Plaintext]) -> None:
        """Have every HA1 masked that the other side keeps for the trunk's realm, asked for or not."""
        for algorithm in filter(digest.is_available, self.algorithms if self.realm else ()):
            self.secret_half(wire, Challenge(self.realm, "", algorithm), secrets)

    def hide(self, wire: Wire, made: str) -> None:
        """Have something masked that was made of the password."""
        for name in self.password.secret_names:
            wire.mask(name, Plaintext(made))

    async def answer(
        self, wire: Wire, challenge: Challenge, secrets: Mapping[str, Plaintext], *, method: str, uri: str
    ) -> str:
        """The value of the header that answers a challenge."""
        ha1 = self.secret_half(wire, challenge, secrets)
        return digest.authorization(
            challenge,
            username=self.user(secrets),
            ha1=ha1,
            method=method,
            uri=uri,
            count=await wire.nonce_count(challenge.nonce) if challenge.qop else 0,
            cnonce=random.token_hex(16),
        )


@dataclass(frozen=True, slots=True)
class SipCheck(Conversation):
    """OPTIONS, and REGISTER without Contact where there is a `login`: that asks for the bindings and changes none.

    Args:
        target: the URI that OPTIONS is sent to.
        domain: the host of the URI that the trunk registers with, and of its own.
    """

    peer: SipPeer
    target: str
    domain: str
    login: Login | None
    reports_steps: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of the login; none where the trunk is only asked whether it is there."""
        return self.login.secret_names if self.login else ()

    @property
    def summary(self) -> str:
        """What is sent."""
        return "OPTIONS, REGISTER" if self.login else "OPTIONS"

    async def hold(
        self,
        wire: Wire,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],  # noqa: ARG002 - it has none
    ) -> UpstreamResponse:
        """Its steps; the second one only where the first passed."""
        user = self.login.user(secrets) if self.login else ""
        if self.login:
            self.login.hide_halves(wire, secrets)
        async with wire.sip(self.peer) as line:
            steps = [_about_options(await line.ask(self._options()))]
            if self.login and steps[0].outcome == PASSED:
                steps.append(await self._register(self.login, user, wire, line, secrets))
        return steps_response(steps)

    def _options(self) -> SipRequest:
        headers = _headers("OPTIONS", 1, caller=f"sip:coffer@{self.domain}", called=f"sip:{self.domain}")
        return SipRequest("OPTIONS", self.target, (*headers, ("Accept", "application/sdp")))

    async def _register(
        self, login: Login, user: str, wire: Wire, line: SipLine, secrets: Mapping[str, Plaintext]
    ) -> Step:
        """Sign in. A refused answer is not repeated, unless the server says that its nonce was too old."""
        uri, me = f"sip:{self.domain}", f"sip:{uri_user(user)}@{self.domain}"
        dialog = _headers("REGISTER", 1, caller=me, called=me)
        answer = await line.ask(SipRequest("REGISTER", uri, dialog))
        if answer.status not in _CHALLENGES:
            return _about_unchallenged(answer)
        for count in (2, 3):
            try:
                challenge = _chosen(answer, login)
            except MalformedDigest as problem:
                return Step("register", FAILED, UPSTREAM_ERROR, f"It was not answered. {problem}")
            value = await login.answer(wire, challenge, secrets, method="REGISTER", uri=uri)
            login.hide(wire, digest.read_credentials(value).response)
            header = _CHALLENGES[answer.status or 0][1]
            answer = await line.ask(SipRequest("REGISTER", uri, (*_counted(dialog, count), (header, value))))
            if answer.status not in _CHALLENGES or not _is_stale(answer):
                break
        return _about_registration(answer, challenge, login)


@dataclass(frozen=True)
class _WithChallenge(Conversation):
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

    async def hold(
        self, wire: Wire, *, secrets: Mapping[str, Plaintext], params: Mapping[str, Any]
    ) -> UpstreamResponse:
        """The name and the value of the header. Raises InvalidHeaderValue where the value would hold the password."""
        challenge = digest.read_challenge(params["challenge"])
        value = await self.login.answer(wire, challenge, secrets, method=params["method"], uri=params["uri"])
        if self.login.shows_in(value, secrets):
            raise InvalidHeaderValue(
                "The answer would show the password, so it is not given: the password is too short, or it is part of "
                "the user name, the realm or the URI. Use another one."
            )
        return _said({"header": _CHALLENGES[407 if params["proxy"] else 401][1], "value": value})


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

    async def hold(
        self, wire: Wire, *, secrets: Mapping[str, Plaintext], params: Mapping[str, Any]
    ) -> UpstreamResponse:
        """True or false."""
        challenge = digest.read_challenge(params["challenge"])
        valid = digest.is_answered_by(
            challenge,
            digest.read_credentials(params["authorization"]),
            username=self.login.user(secrets),
            ha1=self.login.secret_half(wire, challenge, secrets),
            method=params["method"],
            uri=params["uri"],
        )
        return _said({"valid": valid})


def _headers(method: str, count: int, *, caller: str, called: str) -> tuple[tuple[str, str], ...]:
    """What every request carries (RFC 3261 section 8.1.1), without Via."""
    return (
        ("Max-Forwards", "70"),
        ("From", f"<{caller}>;tag={random.token_hex(8)}"),
        ("To", f"<{called}>"),
        ("Call-ID", random.token_hex(16)),
        ("CSeq", f"{count} {method}"),
        ("User-Agent", "Coffer"),
    )


def _counted(headers: Iterable[tuple[str, str]], count: int) -> tuple[tuple[str, str], ...]:
    """The headers of the next request of the same dialog."""
    return tuple((name, f"{count} {value.split(' ')[1]}" if name == "CSeq" else value) for name, value in headers)


def _about_options(answer: SipMessage) -> Step:
    if answer.status in _NOT_THERE:
        return Step("options", FAILED, UPSTREAM_ERROR, f"Nobody answers behind it: {shown_reason(answer)}.")
    return Step("options", PASSED, None, f"It answers: {shown_reason(answer)}.")


def _about_unchallenged(answer: SipMessage) -> Step:
    if answer.is_success:
        return Step("register", NOT_CHECKABLE, None, "It let Coffer in without asking for a password.")
    return _about_other(answer)


def _about_registration(answer: SipMessage, challenge: Challenge, login: Login) -> Step:
    if answer.is_success:
        realm = "" if login.realm else f" Its realm is {_shown(challenge.realm)}."
        return Step(
            "register", PASSED, None, f"User name and password were accepted, with {challenge.algorithm}.{realm}"
        )
    if answer.status in _CHALLENGES or answer.status == 403:  # noqa: PLR2004 - RFC 3261 section 21.4.4
        sentence = f"User name or password was refused: {shown_reason(answer)}."
        return Step("register", FAILED, UPSTREAM_ERROR, sentence)
    return _about_other(answer)


def _about_other(answer: SipMessage) -> Step:
    """What says nothing about the password."""
    if answer.status in _NO_REGISTRAR:
        why = f"It takes no registrations ({shown_reason(answer)}): only a call can show that the password works."
        return Step("register", NOT_CHECKABLE, None, why)
    return Step("register", FAILED, UPSTREAM_ERROR, f"It could not be registered with: {shown_reason(answer)}.")


def _chosen(answer: SipMessage, login: Login) -> Challenge:
    """The strongest challenge that may be answered: their order is not protected, so it says nothing.

    Raises:
        MalformedDigest: there is none, with why the last one is not.
        ResponseUnreadable: there is no challenge at all.
    """
    offered = answer.every(_CHALLENGES[answer.status or 0][0])
    if not offered:
        raise ResponseUnreadable("The answer asks for a password and holds no challenge.")
    usable, problem = [], MalformedDigest()
    for text in offered:
        try:
            usable.append(_judged(digest.read_challenge(text), login))
        except MalformedDigest as error:
            problem = error
    if not usable:
        raise problem
    return min(usable, key=lambda challenge: list(digest.ALGORITHMS).index(challenge.algorithm))


def _judged(challenge: Challenge, login: Login) -> Challenge:
    if login.realm and challenge.realm != login.realm:
        raise MalformedDigest(f"It asks for the realm {_shown(challenge.realm)}, which is not that of the trunk.")
    if challenge.algorithm not in login.algorithms:
        raise MalformedDigest(f"It asks for {challenge.algorithm}, which the trunk does not allow.")
    return challenge


def _is_stale(answer: SipMessage) -> bool:
    for text in answer.every(_CHALLENGES[answer.status or 0][0]):
        try:
            if digest.read_challenge(text).stale:
                return True
        except MalformedDigest:
            continue
    return False


def _shown(realm: str) -> str:
    """A stranger's text, whole or not at all: half of a value would not be found and masked."""
    return f"“{realm}”" if realm.isprintable() and len(realm) <= _SHOWN_REALM else "(too long or not printable)"


def _said(answer: Mapping[str, object]) -> UpstreamResponse:
    return UpstreamResponse(None, b"", (), json.dumps(answer).encode(), True, succeeded=True)
