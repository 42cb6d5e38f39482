"""The login of a SIP trunk: user name, password, and the answers to digest challenges.

Only an answer is sent, never the password or HA1. HA1 is masked like the password. The computation is in
`integrations.sip.digest`.
"""

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass

from integrations.exchange.channels import Channel
from integrations.sip import digest
from integrations.sip.digest import Challenge
from integrations.templating.placeholders import Template
from integrations.templating.slots import Filling, fill_sip
from secrets_app.plaintext import Plaintext

CHALLENGES = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
"""The header of the challenge and the header of the answer, by status (RFC 3261 section 22)."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password. Without a `realm`, every realm is accepted; the empty text is a realm."""

    username: Template
    password: Template
    realm: str | None
    algorithms: tuple[str, ...]

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in both, without duplicates."""
        return tuple(dict.fromkeys([*self.username.secret_names, *self.password.secret_names]))

    def user(self, secrets: Mapping[str, Plaintext]) -> str:
        """Return the user name.

        Raises:
            InvalidHeaderValue: it contains a control character.
        """
        return fill_sip("user name", self.username, Filling({}, secrets))

    def shows_in(self, text: str, secrets: Mapping[str, Plaintext]) -> bool:
        """Return whether a text contains the password."""
        return fill_sip("password", self.password, Filling({}, secrets)) in text

    def secret_half(self, channel: Channel, challenge: Challenge, secrets: Mapping[str, Plaintext]) -> str:
        """Return HA1 for a challenge, and mask it from now on.

        Raises:
            InvalidHeaderValue: user name or password contains a control character.
        """
        password = fill_sip("password", self.password, Filling({}, secrets))
        user = self.user(secrets)
        ha1 = digest.secret_half(challenge.algorithm, username=user, realm=challenge.realm, password=password)
        self.hide(channel, ha1)
        return ha1

    def hide_halves(self, channel: Channel, secrets: Mapping[str, Plaintext]) -> None:
        """Mask the HA1 of every algorithm for the trunk's realm; the server may store and return them."""
        if self.realm is not None:
            for algorithm in filter(digest.is_available, self.algorithms):
                self.secret_half(channel, Challenge(self.realm, "", algorithm), secrets)

    def hide(self, channel: Channel, made: str) -> None:
        """Mask a text that was computed from the password."""
        for name in self.password.secret_names:
            channel.mask(name, Plaintext(made))

    async def answer(
        self, channel: Channel, challenge: Challenge, secrets: Mapping[str, Plaintext], *, method: str, uri: str
    ) -> str:
        """Return the value of the header that answers a challenge."""
        ha1 = self.secret_half(channel, challenge, secrets)
        return digest.authorization(
            challenge,
            username=self.user(secrets),
            ha1=ha1,
            method=method,
            uri=uri,
            count=await channel.nonce_count(challenge.nonce) if challenge.qop else 0,
            cnonce=random.token_hex(16),
        )
