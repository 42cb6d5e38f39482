"""The shape of a SIP trunk's configuration, and what follows from it: where the trunk is reached, how it signs in."""

from typing import Annotated, Literal

from pydantic import Field as Limits

from integrations.egress.addresses import read_address
from integrations.egress.destinations import read_host
from integrations.kinds.config_fields import Line, Strict
from integrations.kinds.sip_trunk.login import Login
from integrations.sip import uris
from integrations.sip.messages import SipPeer
from integrations.templating.placeholders import parse

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}

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


def _is_host(realm: str) -> bool:
    return uris.host_of(f"sip:{realm}") == realm.lower()
