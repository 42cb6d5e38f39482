"""The kind `sip_trunk`: a telephony provider's trunk, for which Coffer answers digest challenges.

Numbers, allowed addresses and media encryption are settings for the media server to read; the credentials never leave
Coffer. What may be signed is decided in `signing.py`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from accounts.errors import FieldError
from integrations.egress.destinations import SIP
from integrations.errors import InvalidUrl
from integrations.exchange.exchange import Destination, Exchange
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.form_sections import Field, Section, Widget
from integrations.kinds.sip_trunk.challenges import MAX_OFFERED, MAX_OFFERED_LENGTH
from integrations.kinds.sip_trunk.check import SipCheck
from integrations.kinds.sip_trunk.config import ALL_ALGORITHMS, SipTrunkConfig
from integrations.kinds.sip_trunk.rules import problems_of
from integrations.kinds.sip_trunk.signing import METHODS, SignCall, VerifyCall
from integrations.sip import digest, uris
from integrations.templating.placeholders import parse

SIGN, VERIFY = "sign", "verify"

_HINT = "Type { to insert a secret. Never enter the password itself: this text is displayed again."


class SipTrunk(Kind[SipTrunkConfig]):
    """The kind `sip_trunk`."""

    shape: ClassVar[type[Any]] = SipTrunkConfig
    key: ClassVar[str] = "sip_trunk"
    label: ClassVar[str] = "SIP trunk"
    plural: ClassVar[str] = "SIP trunks"
    icon: ClassVar[str] = "phone"
    about: ClassVar[str] = "SIP trunk. Coffer signs in with the password; the telephony server never stores it."
    sections: ClassVar[tuple[Section, ...]] = (
        Section(
            "Trunk",
            (
                Field(
                    "direction",
                    "Direction",
                    Widget.CHOICE,
                    default="both",
                    choices=(
                        ("both", "Calls come in and go out", ""),
                        ("inbound", "Calls come in", ""),
                        ("outbound", "Calls go out", ""),
                    ),
                ),
                Field("host", "SIP server", hint="A host name or an IP address.", placeholder="sip.example.com"),
                Field(
                    "transport",
                    "Transport",
                    Widget.CHOICE,
                    default="tls",
                    choices=(("tls", "TLS", ""), ("tcp", "TCP", ""), ("udp", "UDP", "")),
                ),
                Field(
                    "port",
                    "Port",
                    Widget.NUMBER,
                    hint="Leave it blank for the default: 5061 with TLS, otherwise 5060.",
                    optional=True,
                ),
                Field(
                    "numbers",
                    "Numbers on this trunk",
                    Widget.LINES,
                    hint="One per line.",
                    placeholder="+49 40 5550 0100",
                    optional=True,
                ),
            ),
        ),
        Section(
            "Sign-in",
            (
                Field("username", "User name", Widget.TEMPLATE, optional=True),
                Field("password", "Password", Widget.TEMPLATE, _HINT, "{secrets.name}", optional=True),
                Field(
                    "realm",
                    "Realm",
                    hint="The name that the server gives when it asks for the password. Coffer answers only its "
                    "challenges. If this is blank, the connection check shows it.",
                    optional=True,
                ),
                Field(
                    "empty_realm",
                    "The realm is empty",
                    Widget.SWITCH,
                    hint='For a server whose challenges say realm="". Coffer then answers only these.',
                ),
                Field(
                    "sign_hosts",
                    "Further hosts to sign for",
                    Widget.LINES,
                    hint="Host names and IP addresses, one per line: where requests within a call go, as Contact and "
                    "Record-Route name it. The SIP server and a realm that is a domain are always signed for.",
                    placeholder="198.51.100.7",
                    optional=True,
                ),
                Field(
                    "register",
                    "The trunk registers",
                    Widget.SWITCH,
                    hint="The connection check then signs in, without changing any registration.",
                ),
                Field(
                    "algorithms",
                    "Digest algorithms",
                    Widget.CHOICES,
                    default=ALL_ALGORITHMS,
                    choices=(
                        ("SHA-512-256", "SHA-512/256", ""),
                        ("SHA-256", "SHA-256", ""),
                        ("MD5", "MD5, which most providers still need", ""),
                    ),
                ),
            ),
            note="The password is never sent: SIP sign-in answers a challenge, and only the answer is passed on.",
        ),
        Section(
            "Calls",
            (
                Field(
                    "allowed_addresses",
                    "Allowed addresses",
                    Widget.LINES,
                    hint="Addresses or networks that calls may come from, one per line. Leave it blank for any.",
                    placeholder="192.0.2.0/24",
                    optional=True,
                ),
                Field(
                    "media_encryption",
                    "Media encryption",
                    Widget.CHOICE,
                    default="allowed",
                    choices=(("disabled", "Disabled", ""), ("allowed", "Allowed", ""), ("required", "Required", "")),
                ),
            ),
            note="Coffer carries no calls: your telephony server reads these from here.",
        ),
    )

    def problems(self, config: SipTrunkConfig) -> list[FieldError]:
        """Return what is wrong with each part."""
        return problems_of(config)

    def summary(self, config: SipTrunkConfig) -> str:
        """Return the host and transport: `sip.example.com over TLS`."""
        return f"{config.host} over {config.transport.upper()}"

    def slots(self, config: SipTrunkConfig) -> list[Slot]:
        """Return the slots `auth.username` and `auth.password`."""
        return [
            Slot(f"auth.{name}", parse(text), f"config.{name}")
            for name, text in (("username", config.username), ("password", config.password))
        ]

    def destinations(self, config: SipTrunkConfig) -> list[Destination]:
        """Return the address of the SIP server; an empty URL if the host is malformed."""
        try:
            return [Destination("config.host", config.peer.url, SIP)]
        except InvalidUrl:  # the form is incomplete
            return [Destination("config.host", "", SIP)]

    def operations(self, config: SipTrunkConfig) -> list[Operation]:
        """Return `sign` and `verify`; none for a trunk without a password."""
        if not config.password:
            return []
        return [
            Operation(
                SIGN,
                "Answer a digest challenge",
                _schema(_SIGN_ONLY, ("challenge",)),
                read_only=False,
                calls=False,
            ),
            Operation(
                VERIFY,
                "Check an answer to a digest challenge",
                _schema(_VERIFY_ONLY, ("challenge", "authorization")),
                read_only=True,
                calls=False,
            ),
        ]

    @override
    def all_operations(self) -> list[Operation]:
        """Return the operations of a trunk with a password."""
        return self.operations(SipTrunkConfig.model_construct(password="…"))  # noqa: S106 - any password

    @override
    def plan(self, config: SipTrunkConfig, operation: str, parents: Parents = NO_PARENTS) -> Exchange:
        """Return the exchange that signs or verifies. It sends nothing."""
        return (SignCall if operation == SIGN else VerifyCall)(config.login, config.hosts)

    @override
    def check(self, config: SipTrunkConfig, parents: Parents = NO_PARENTS) -> SipCheck:
        """Return the exchange that sends OPTIONS, and REGISTER if the trunk registers."""
        target = f"sip:{config.host_and_port};transport={config.transport}"
        return SipCheck(config.peer, target, config.domain, config.login if config.registers else None)


_ABOUT_REQUEST = {
    "method": {"type": "string", "enum": list(METHODS), "description": "The method of the SIP request"},
    "uri": {
        "type": "string",
        "maxLength": uris.MAX_LENGTH,
        "description": "The URI in the request line",
        "examples": ["sip:sip.example.com", "tel:+494055500100"],
    },
    "challenge": {
        "type": ["string", "array"],
        "maxLength": MAX_OFFERED_LENGTH,
        "items": {"type": "string", "maxLength": MAX_OFFERED_LENGTH},
        "minItems": 1,
        "maxItems": MAX_OFFERED,
        "description": "The value of WWW-Authenticate or Proxy-Authenticate; a list if the response has several, of "
        "which the strongest that the trunk allows is answered",
        "examples": ['Digest realm="sip.example.com", nonce="84f1c1ae", algorithm=SHA-256, qop="auth"'],
    },
}
_SIGN_ONLY = {
    "proxy": {"type": "boolean", "default": False, "description": "Whether it came with 407, in Proxy-Authenticate"}
}
_VERIFY_ONLY = {
    "authorization": {
        "type": "string",
        "maxLength": digest.MAX_LENGTH,
        "description": "The value of Authorization or Proxy-Authorization, which begins with Digest",
    }
}


def _schema(more: Mapping[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**_ABOUT_REQUEST, **more},
        "required": ["method", "uri", *required],
        "additionalProperties": False,
    }
