"""A connection to a telephony provider over SIP, for which Coffer answers digest challenges.

Owns: what the configuration of a trunk may say. Numbers, allowed addresses and media encryption are for the media
server to read; the credentials stay here, and what is signed with them is `sip_calls.py`.
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as Limits

from accounts.errors import FieldError
from integrations import digest, sip_uris
from integrations.addresses import read_address
from integrations.conversations import Conversation, Destination
from integrations.destinations import SIP, read_host
from integrations.errors import InvalidUrl
from integrations.kinds.base import NO_PARENTS, Kind, Operation, Parents, Slot
from integrations.kinds.declared import Field, Section, Widget
from integrations.kinds.fields import Line, Strict, holds_placeholder, problem_with_template, read_shape, template_of
from integrations.placeholders import parse
from integrations.sip_calls import METHODS, Login, SignCall, SipCheck, VerifyCall
from integrations.sip_messages import SipPeer

SIGN, VERIFY = "sign", "verify"
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}

_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{0,30}")
_NEVER_ITSELF = "Type { to insert a secret. Never write the password itself here: this text is shown again."

Algorithm = Literal["SHA-512-256", "SHA-256", "MD5"]
ALL_ALGORITHMS: tuple[Algorithm, ...] = ("SHA-512-256", "SHA-256", "MD5")


class SipTrunkConfig(Strict):
    """One trunk. User name and password may hold secrets; a blank port is the transport's own."""

    direction: Literal["inbound", "outbound", "both"] = "both"
    host: Annotated[str, Limits(min_length=1, max_length=253)]
    port: Annotated[int, Limits(strict=True, ge=1, le=65535)] | None = None
    transport: Literal["udp", "tcp", "tls"] = "tls"
    username: Line = ""
    password: Line = ""
    realm: Annotated[str, Limits(max_length=255)] = ""
    registers: Annotated[bool, Limits(strict=True, alias="register")] = False
    algorithms: Annotated[list[Algorithm], Limits(min_length=1, max_length=8)] = Limits(
        default_factory=lambda: list(ALL_ALGORITHMS)
    )
    numbers: Annotated[list[str], Limits(max_length=1000)] = Limits(default_factory=list)
    allowed_addresses: Annotated[list[str], Limits(max_length=256)] = Limits(default_factory=list)
    media_encryption: Literal["disabled", "allowed", "required"] = "allowed"

    @property
    def address(self) -> str:
        """The host as it stands in a URI: a lower-case A-label name, an IPv4 or a bracketed IPv6 address."""
        return read_host(f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host)

    @property
    def domain(self) -> str:
        """The host of addresses of record: the realm where the host is a number and the realm is a domain."""
        is_number = read_address(self.address.strip("[]")) is not None
        return self.realm if is_number and "." in self.realm and _is_host(self.realm) else self.address

    @property
    def peer(self) -> SipPeer:
        """Where it is reached."""
        scheme = "sips" if self.transport == "tls" else "sip"
        return SipPeer(f"{scheme}://{self.where}", self.transport)

    @property
    def where(self) -> str:
        """Host and port."""
        return f"{self.address}:{self.port or PORTS[self.transport]}"

    @property
    def login(self) -> Login:
        """How it signs in."""
        return Login(parse(self.username), parse(self.password), self.realm, tuple(self.algorithms))

    @property
    def hosts(self) -> frozenset[str]:
        """Those of the URIs that may be signed for: its own, and its realm where that is a domain."""
        realm = {self.realm.lower()} if _is_host(self.realm) else set()
        return frozenset({self.address.strip("[]"), *realm})


class SipTrunk(Kind[SipTrunkConfig]):
    """The kind `sip_trunk`."""

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
                    hint="Blank for the usual one: 5061 with TLS, else 5060.",
                    optional=True,
                ),
                Field(
                    "numbers",
                    "Numbers on this trunk",
                    Widget.LINES,
                    hint="One a line.",
                    placeholder="+49 40 5550 0100",
                    optional=True,
                ),
            ),
        ),
        Section(
            "Sign-in",
            (
                Field("username", "User name", Widget.TEMPLATE, optional=True),
                Field("password", "Password", Widget.TEMPLATE, _NEVER_ITSELF, "{secrets.name}", optional=True),
                Field(
                    "realm",
                    "Realm",
                    hint="What the server calls itself when it asks for the password. Challenges are answered for it "
                    "alone. The connection check tells it when this is blank.",
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
                    hint="Addresses or networks that calls may come from, one a line. Blank for any.",
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

    def read(self, raw: Mapping[str, Any]) -> SipTrunkConfig:
        """Known fields, right types. Raises Invalid."""
        return read_shape(SipTrunkConfig, raw)

    def problems(self, config: SipTrunkConfig) -> list[FieldError]:
        """What is wrong with each part, and who would let anybody call in."""
        return [
            *_host_problems(config),
            *_credential_problems(config),
            *_realm_problems(config.realm),
            *([FieldError("config.algorithms", "An algorithm is there twice.")] if _repeats(config.algorithms) else []),
            *_number_problems(config.numbers),
            *_address_problems(config.allowed_addresses),
            *_open_door(config),
        ]

    def summary(self, config: SipTrunkConfig) -> str:
        """`sip.example.com over TLS`."""
        return f"{config.host} over {config.transport.upper()}"

    def slots(self, config: SipTrunkConfig) -> list[Slot]:
        """`auth.username` and `auth.password`."""
        return [
            Slot(f"auth.{name}", parse(text), f"config.{name}")
            for name, text in (("username", config.username), ("password", config.password))
        ]

    def destinations(self, config: SipTrunkConfig) -> list[Destination]:
        """Its server."""
        try:
            return [Destination("config.host", config.peer.url, SIP)]
        except InvalidUrl:  # a form that is still being written
            return [Destination("config.host", "", SIP)]

    def operations(self, config: SipTrunkConfig) -> list[Operation]:
        """`sign` and `verify`; a trunk without a password has nothing to do them with."""
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

    def plan(self, config: SipTrunkConfig, operation: str, parents: Parents = NO_PARENTS) -> Conversation:  # noqa: ARG002
        """Signing or checking; nothing is sent anywhere."""
        return (SignCall if operation == SIGN else VerifyCall)(config.login, config.hosts)

    def check(self, config: SipTrunkConfig, parents: Parents = NO_PARENTS) -> SipCheck:  # noqa: ARG002
        """OPTIONS, and signing in where the trunk registers."""
        target = f"sip:{config.where};transport={config.transport}"
        return SipCheck(config.peer, target, config.domain, config.login if config.registers else None)


_ABOUT_REQUEST = {
    "method": {"type": "string", "enum": list(METHODS), "description": "The method of the SIP request"},
    "uri": {
        "type": "string",
        "maxLength": sip_uris.MAX_LENGTH,
        "description": "The URI that the answer is for, such as sip:sip.example.com",
    },
    "challenge": {
        "type": "string",
        "maxLength": digest.MAX_LENGTH,
        "description": "The value of WWW-Authenticate or Proxy-Authenticate",
    },
}
_SIGN_ONLY = {
    "proxy": {"type": "boolean", "default": False, "description": "Whether it came with 407, in Proxy-Authenticate"}
}
_VERIFY_ONLY = {
    "authorization": {
        "type": "string",
        "maxLength": digest.MAX_LENGTH,
        "description": "The value of Authorization or Proxy-Authorization",
    }
}


def _schema(more: Mapping[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**_ABOUT_REQUEST, **more},
        "required": ["method", "uri", *required],
        "additionalProperties": False,
    }


def _is_host(realm: str) -> bool:
    return sip_uris.host_of(f"sip:{realm}") == realm.lower()


def _repeats(entries: list[Any]) -> bool:
    return len(set(entries)) < len(entries)


def _host_problems(config: SipTrunkConfig) -> Iterator[FieldError]:
    if holds_placeholder(config.host):
        yield FieldError("config.host", "A host holds no placeholder, so that nobody can send a value elsewhere.")
        return
    try:
        config.address  # noqa: B018 - it is read for its refusal
    except InvalidUrl as refusal:
        yield FieldError("config.host", f"{refusal.detail} The port has its own field.")


def _credential_problems(config: SipTrunkConfig) -> Iterator[FieldError]:
    for name in ("username", "password"):
        field, text = f"config.{name}", getattr(config, name)
        template = template_of(text)
        if template is None:
            yield from problem_with_template(field, text)
        elif template.param_names:
            yield FieldError(field, "A credential cannot hold an argument; use {secrets.NAME}.")
        elif any(not literal.isprintable() for literal in template.literals):
            yield FieldError(field, "Leave out line breaks and other control characters.")
        elif not text and (config.registers or config.username or config.password):
            yield FieldError(field, "User name and password go together, and a trunk that registers needs both.")


def _realm_problems(realm: str) -> Iterator[FieldError]:
    if holds_placeholder(realm):
        yield FieldError("config.realm", "A realm holds no placeholder: it says which challenges are answered.")
    elif not realm.isprintable() or realm != realm.strip():
        yield FieldError("config.realm", "Enter the realm on one line, without spaces at the ends.")


def _number_problems(numbers: list[str]) -> Iterator[FieldError]:
    for index, number in enumerate(numbers):
        if not _NUMBER.fullmatch(number) or number in numbers[:index]:
            yield FieldError(f"config.numbers[{index}]", "Enter telephone numbers such as +49 40 5550 0100, each once.")


def _address_problems(addresses: list[str]) -> Iterator[FieldError]:
    for index, text in enumerate(addresses):
        field = f"config.allowed_addresses[{index}]"
        try:
            network = ip_network(text)
        except ValueError:
            yield FieldError(field, "Enter an IP address or a network such as 192.0.2.0/24.")
            continue
        if network.prefixlen == 0:
            yield FieldError(field, "This is every address. Leave the list empty for that.")


def _open_door(config: SipTrunkConfig) -> Iterator[FieldError]:
    if config.direction == "outbound" or config.password or config.allowed_addresses or config.numbers:
        return
    sentence = "Calls come in on this trunk: name allowed addresses or numbers, or a user name and password."
    yield FieldError("config.allowed_addresses", sentence)
