"""Trying a SIP trunk: which requests the test sends, and what their answers mean.

The grammar is `sip_messages.py`, signing in `sip_login.py`.
"""

import secrets as random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from integrations.errors import ResponseUnreadable
from integrations.exchange.exchange import (
    FAILED,
    NOT_CHECKABLE,
    PASSED,
    Channel,
    Exchange,
    SipChannel,
    Step,
    steps_response,
)
from integrations.exchange.messages import UpstreamResponse
from integrations.kinds.sip_trunk.login import CHALLENGES, Login
from integrations.sip import digest
from integrations.sip.digest import Challenge, MalformedDigest
from integrations.sip.messages import SipMessage, SipPeer, SipRequest, shown_reason, uri_user
from secrets_app.plaintext import Plaintext

UPSTREAM_ERROR = "upstream_error"

_NOT_THERE = {408, 503}  # what a proxy says for a server that does not answer
_NO_REGISTRAR = {405, 501}
_SHOWN_REALM = 100


@dataclass(frozen=True, slots=True)
class SipCheck(Exchange):
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

    async def perform(
        self,
        channel: Channel,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],  # noqa: ARG002 - it has none
    ) -> UpstreamResponse:
        """Its steps; the second one only where the first passed."""
        user = self.login.user(secrets) if self.login else ""
        if self.login:
            self.login.hide_halves(channel, secrets)
        async with channel.sip(self.peer) as line:
            steps = [_about_options(await line.ask(self._options()))]
            if self.login and steps[0].outcome == PASSED:
                steps.append(await self._register(self.login, user, channel, line, secrets))
        return steps_response(steps)

    def _options(self) -> SipRequest:
        headers = _headers("OPTIONS", 1, caller=f"sip:coffer@{self.domain}", called=f"sip:{self.domain}")
        return SipRequest("OPTIONS", self.target, (*headers, ("Accept", "application/sdp")))

    async def _register(
        self, login: Login, user: str, channel: Channel, line: SipChannel, secrets: Mapping[str, Plaintext]
    ) -> Step:
        """Sign in. A refused answer is not repeated, unless the server says that its nonce was too old."""
        uri, me = f"sip:{self.domain}", f"sip:{uri_user(user)}@{self.domain}"
        dialog = _headers("REGISTER", 1, caller=me, called=me)
        answer = await line.ask(SipRequest("REGISTER", uri, dialog))
        if answer.status not in CHALLENGES:
            return _about_unchallenged(answer)
        for count in (2, 3):
            try:
                challenge = _chosen(answer, login)
            except MalformedDigest as problem:
                return Step("register", FAILED, UPSTREAM_ERROR, f"It was not answered. {problem}")
            value = await login.answer(channel, challenge, secrets, method="REGISTER", uri=uri)
            login.hide(channel, digest.read_credentials(value).response)
            header = CHALLENGES[answer.status or 0][1]
            answer = await line.ask(SipRequest("REGISTER", uri, (*_counted(dialog, count), (header, value))))
            if answer.status not in CHALLENGES or not _is_stale(answer):
                break
        return _about_registration(answer, challenge, login)


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
    if answer.status in CHALLENGES or answer.status == 403:  # noqa: PLR2004 - RFC 3261 section 21.4.4
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
    offered = answer.every(CHALLENGES[answer.status or 0][0])
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
    for text in answer.every(CHALLENGES[answer.status or 0][0]):
        try:
            if digest.read_challenge(text).stale:
                return True
        except MalformedDigest:
            continue
    return False


def _shown(realm: str) -> str:
    """A stranger's text, whole or not at all: half of a value would not be found and masked."""
    return f"“{realm}”" if realm.isprintable() and len(realm) <= _SHOWN_REALM else "(too long or not printable)"
