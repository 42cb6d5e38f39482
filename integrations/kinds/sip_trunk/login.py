"""How a SIP trunk signs in: user name, password, and the answer to a digest challenge made of them.

What leaves is an answer, never the password or HA1; HA1 is masked like the password. The arithmetic is `digest.py`.
"""

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass

from integrations.exchange.exchange import Wire
from integrations.sip import digest
from integrations.sip.digest import Challenge
from integrations.templating.placeholders import Template
from integrations.templating.slots import Filling, fill_sip
from secrets_app.plaintext import Plaintext

CHALLENGES = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
"""By status: the header that challenges, and the one that answers (RFC 3261 section 22)."""


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
