"""The check of a SIP trunk: which requests are sent, and what the responses mean.

The grammar is in `integrations.sip.messages`, the login in `login.py`.
"""

import secrets as random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from integrations.errors import ResponseUnreadable, UpstreamTimeout, UpstreamUnreachable
from integrations.exchange.channels import Channel, SipChannel
from integrations.exchange.exchange import Exchange
from integrations.exchange.messages import UpstreamResponse
from integrations.exchange.steps import FAILED, NOT_CHECKABLE, PASSED, Step, steps_response
from integrations.kinds.sip_trunk.challenges import readable, usable
from integrations.kinds.sip_trunk.login import CHALLENGES, Login
from integrations.sip import digest
from integrations.sip.digest import Challenge, MalformedDigest
from integrations.sip.messages import SipMessage, SipPeer, SipRequest, shown_reason, uri_user
from secrets_app.plaintext import Plaintext

UPSTREAM_ERROR = "upstream_error"
OPTIONS_SECONDS = 4.0
"""How long OPTIONS is waited for if REGISTER follows."""

_NOT_THERE = {408, 503}  # from a proxy whose server does not respond
_NO_REGISTRAR = {405, 501}
_SHOWN_REALM = 100


@dataclass(frozen=True, slots=True)
class SipCheck(Exchange):
    """Sends OPTIONS, and REGISTER without Contact if there is a login; that changes no registration.

    Attributes:
        target: the request URI of OPTIONS.
        domain: the host of the address of record.
    """

    peer: SipPeer
    target: str
    domain: str
    login: Login | None
    reports_steps: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in the login; none without a login."""
        return self.login.secret_names if self.login else ()

    @property
    def summary(self) -> str:
        """The methods of the requests."""
        return "OPTIONS, REGISTER" if self.login else "OPTIONS"

    @override
    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Return the steps. REGISTER is sent whatever OPTIONS brings: many providers answer it alone."""
        if self.login is None:
            async with channel.sip(self.peer) as connection:
                return steps_response([_about_options(await connection.send(self._options()))])
        user = self.login.user(secrets)
        self.login.hide_halves(channel, secrets)
        options = await self._asked(channel)
        async with channel.sip(self.peer) as connection:
            register = await self._register(self.login, user, channel, connection, secrets)
        return steps_response([_beside(register, options), register])

    async def _asked(self, channel: Channel) -> SipMessage | None:
        """Send OPTIONS on a connection of its own, which the server may close; return None without an answer."""
        try:
            async with channel.sip(self.peer) as connection:
                return await connection.send(self._options(), seconds=OPTIONS_SECONDS)
        except (UpstreamTimeout, UpstreamUnreachable):
            return None

    def _options(self) -> SipRequest:
        headers = _headers("OPTIONS", 1, caller=f"sip:coffer@{self.domain}", called=f"sip:{self.domain}")
        return SipRequest("OPTIONS", self.target, (*headers, ("Accept", "application/sdp")))

    async def _register(
        self, login: Login, user: str, channel: Channel, connection: SipChannel, secrets: Mapping[str, Plaintext]
    ) -> Step:
        """Sign in. A refused response is not repeated unless the server reports that its nonce was stale."""
        uri, address = f"sip:{self.domain}", f"sip:{uri_user(user)}@{self.domain}"
        dialog = _headers("REGISTER", 1, caller=address, called=address)
        answer = await connection.send(SipRequest("REGISTER", uri, dialog))
        if answer.status not in CHALLENGES:
            return _about_unchallenged(answer)
        for count in (2, 3):
            offered = _offered(answer)
            try:
                challenge = usable(offered, login)[0]
            except MalformedDigest as problem:
                return _about_unusable(problem, offered, login)
            value = await login.answer(channel, challenge, secrets, method="REGISTER", uri=uri)
            login.hide(channel, digest.read_credentials(value).response)
            header = CHALLENGES[answer.status or 0][1]
            answer = await connection.send(SipRequest("REGISTER", uri, (*_counted(dialog, count), (header, value))))
            if answer.status not in CHALLENGES or not _is_stale(answer):
                break
        return _about_registration(answer, challenge, login)


def _headers(method: str, count: int, *, caller: str, called: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of every request (RFC 3261 section 8.1.1), without Via."""
    return (
        ("Max-Forwards", "70"),
        ("From", f"<{caller}>;tag={random.token_hex(8)}"),
        ("To", f"<{called}>"),
        ("Call-ID", random.token_hex(16)),
        ("CSeq", f"{count} {method}"),
        ("User-Agent", "Coffer"),
    )


def _counted(headers: Iterable[tuple[str, str]], count: int) -> tuple[tuple[str, str], ...]:
    """Return the headers of the next request of the same dialog."""
    return tuple((name, f"{count} {value.split(' ')[1]}" if name == "CSeq" else value) for name, value in headers)


def _about_options(answer: SipMessage) -> Step:
    if answer.status in _NOT_THERE:
        return Step("options", FAILED, UPSTREAM_ERROR, f"The trunk's server does not answer: {shown_reason(answer)}.")
    return Step("options", PASSED, None, f"The server answers: {shown_reason(answer)}.")


def _beside(register: Step, options: SipMessage | None) -> Step:
    """Return the step for OPTIONS of a server that answered REGISTER."""
    if options is None:
        return Step("options", PASSED, None, "The server does not answer OPTIONS, but it answers REGISTER.")
    if options.status in _NOT_THERE and register.outcome != FAILED:
        sentence = f"The server refuses OPTIONS ({shown_reason(options)}), but it answers REGISTER."
        return Step("options", PASSED, None, sentence)
    return _about_options(options)


def _about_unusable(problem: MalformedDigest, offered: list[str], login: Login) -> Step:
    others = dict.fromkeys(found.realm for found in readable(offered) if found.realm != login.realm)
    realm = f" Its realm is {_shown(next(iter(others)))}." if others and login.realm is not None else ""
    return Step("register", FAILED, UPSTREAM_ERROR, f"Coffer did not answer the challenge. {problem}{realm}")


def _about_unchallenged(answer: SipMessage) -> Step:
    if answer.is_success:
        return Step("register", NOT_CHECKABLE, None, "The server accepted Coffer without a password.")
    return _about_other(answer)


def _about_registration(answer: SipMessage, challenge: Challenge, login: Login) -> Step:
    if answer.is_success:
        realm = "" if login.realm is not None else f" Its realm is {_shown(challenge.realm)}."
        return Step(
            "register", PASSED, None, f"User name and password were accepted, with {challenge.algorithm}.{realm}"
        )
    if answer.status in CHALLENGES or answer.status == 403:  # noqa: PLR2004 - RFC 3261 section 21.4.4
        sentence = f"User name or password was refused: {shown_reason(answer)}."
        return Step("register", FAILED, UPSTREAM_ERROR, sentence)
    return _about_other(answer)


def _about_other(answer: SipMessage) -> Step:
    """Return the step for a response that reveals nothing about the password."""
    if answer.status in _NO_REGISTRAR:
        reason = f"The server accepts no registrations ({shown_reason(answer)})"
        return Step("register", NOT_CHECKABLE, None, f"{reason}: only a call can show that the password works.")
    return Step("register", FAILED, UPSTREAM_ERROR, f"The registration failed: {shown_reason(answer)}.")


def _offered(answer: SipMessage) -> list[str]:
    """Return the values of the headers with challenges.

    Raises:
        ResponseUnreadable: there is none.
    """
    offered = answer.every(CHALLENGES[answer.status or 0][0])
    if not offered:
        raise ResponseUnreadable("The response asks for a password but contains no challenge.")
    return offered


def _is_stale(answer: SipMessage) -> bool:
    return any(challenge.stale for challenge in readable(answer.every(CHALLENGES[answer.status or 0][0])))


def _shown(realm: str) -> str:
    """Return the realm whole or not at all, because half of a value would not be found and masked."""
    if not realm:
        return "empty (empty_realm)"
    return f"“{realm}”" if realm.isprintable() and len(realm) <= _SHOWN_REALM else "(too long or not printable)"
