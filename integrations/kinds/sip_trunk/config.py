"""The configuration of a SIP trunk, and the address and login that follow from it."""

from typing import Annotated, Literal

from pydantic import Field as Limits

from integrations.egress.addresses import read_address
from integrations.egress.destinations import read_host
from integrations.kinds.config_fields import Line, StrictConfig
from integrations.kinds.sip_trunk.login import Login
from integrations.sip import uris
from integrations.sip.messages import SipPeer
from integrations.templating.placeholders import parse

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}

Algorithm = Literal["SHA-512-256", "SHA-256", "MD5"]
ALL_ALGORITHMS: tuple[Algorithm, ...] = ("SHA-512-256", "SHA-256", "MD5")


class SipTrunkConfig(StrictConfig):
    """A trunk. User name and password may hold secrets; without a port, the default port of the transport is used.

    Attributes:
        empty_realm: whether the realm is the empty text; a blank `realm` alone means that it is not known.
        sign_hosts: further hosts of URIs that are signed for, such as Contact and Record-Route targets.
    """

    direction: Literal["inbound", "outbound", "both"] = "both"
    host: Annotated[str, Limits(min_length=1, max_length=253)]
    port: Annotated[int, Limits(strict=True, ge=1, le=65535)] | None = None
    transport: Literal["udp", "tcp", "tls"] = "tls"
    username: Line = ""
    password: Line = ""
    realm: Annotated[str, Limits(max_length=255)] = ""
    empty_realm: Annotated[bool, Limits(strict=True)] = False
    sign_hosts: Annotated[list[str], Limits(max_length=64)] = Limits(default_factory=list)
    registers: Annotated[bool, Limits(strict=True, alias="register")] = False
    algorithms: Annotated[list[Algorithm], Limits(min_length=1, max_length=8)] = Limits(
        default_factory=lambda: list(ALL_ALGORITHMS)
    )
    numbers: Annotated[list[str], Limits(max_length=1000)] = Limits(default_factory=list)
    allowed_addresses: Annotated[list[str], Limits(max_length=256)] = Limits(default_factory=list)
    media_encryption: Literal["disabled", "allowed", "required"] = "allowed"

    @property
    def address(self) -> str:
        """The host as in a URI: a lower-case A-label name, an IPv4 or a bracketed IPv6 address.

        Raises:
            InvalidUrl: the host is malformed.
        """
        return read_sip_host(self.host)

    @property
    def domain(self) -> str:
        """The host of addresses of record: the realm, if it is a domain and the host is an IP address."""
        is_number = read_address(self.address.strip("[]")) is not None
        return self.realm if is_number and "." in self.realm and _is_host(self.realm) else self.address

    @property
    def peer(self) -> SipPeer:
        """The peer to connect to."""
        scheme = "sips" if self.transport == "tls" else "sip"
        return SipPeer(f"{scheme}://{self.host_and_port}", self.transport)

    @property
    def host_and_port(self) -> str:
        """The host and port."""
        return f"{self.address}:{self.port or PORTS[self.transport]}"

    @property
    def login(self) -> Login:
        """The login for digest authentication."""
        realm = self.realm if self.realm or self.empty_realm else None
        return Login(parse(self.username), parse(self.password), realm, tuple(self.algorithms))

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts of URIs that may be signed for: the trunk's, its realm if that is a domain, and `sign_hosts`."""
        realm = {self.realm.lower()} if _is_host(self.realm) else set()
        named = {read_sip_host(host).strip("[]") for host in self.sign_hosts}
        return frozenset({self.address.strip("[]"), *realm, *named})


def read_sip_host(text: str) -> str:
    """Parse a host as `read_host` does; an IPv6 address may be given without brackets.

    Raises:
        InvalidUrl: the host is malformed.
    """
    return read_host(f"[{text}]" if ":" in text and not text.startswith("[") else text)


def _is_host(realm: str) -> bool:
    return uris.host_of(f"sip:{realm}") == realm.lower()
