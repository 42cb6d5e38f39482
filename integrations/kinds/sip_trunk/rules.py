"""Rules for a SIP trunk's configuration whose fields and types are valid."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from accounts.errors import FieldError
from integrations.errors import InvalidUrl
from integrations.kinds.config_fields import holds_placeholder
from integrations.kinds.http_parts import credential_problems
from integrations.kinds.sip_trunk.config import SipTrunkConfig, read_sip_host
from integrations.templating.placeholders import parse

_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{0,30}")


def problems_of(config: SipTrunkConfig) -> list[FieldError]:
    """Return what is wrong with each part, and whether anybody could call in."""
    return [
        *_host_problems(config),
        *_credential_problems(config),
        *_realm_problems(config),
        *_sign_host_problems(config.sign_hosts),
        *([FieldError("config.algorithms", "An algorithm is listed twice.")] if _repeats(config.algorithms) else []),
        *_number_problems(config.numbers),
        *_address_problems(config.allowed_addresses),
        *_open_access_problems(config),
    ]


def _repeats(entries: list[Any]) -> bool:
    return len(set(entries)) < len(entries)


def _host_problems(config: SipTrunkConfig) -> Iterator[FieldError]:
    if holds_placeholder(config.host):
        yield FieldError("config.host", "A host cannot hold a placeholder, so that nobody can send a value elsewhere.")
        return
    try:
        config.address  # noqa: B018 - evaluated for its exception
    except InvalidUrl as refusal:
        yield FieldError("config.host", f"{refusal.detail} The port has its own field.")


def _credential_problems(config: SipTrunkConfig) -> Iterator[FieldError]:
    for name in ("username", "password"):
        field, text = f"config.{name}", getattr(config, name)
        problems = [*credential_problems(field, text, in_header=False)]
        if problems:
            yield from problems
        elif any(not literal.isprintable() for literal in parse(text).literals):
            yield FieldError(field, "Leave out line breaks and other control characters.")
        elif not text and (config.registers or config.username or config.password):
            yield FieldError(field, "User name and password go together, and a trunk that registers needs both.")


def _realm_problems(config: SipTrunkConfig) -> Iterator[FieldError]:
    realm = config.realm
    if realm and config.empty_realm:
        yield FieldError("config.empty_realm", "Leave the realm blank, or do not say that it is empty.")
    if holds_placeholder(realm):
        yield FieldError("config.realm", "A realm cannot hold a placeholder: it says which challenges are answered.")
    elif not realm.isprintable() or realm != realm.strip():
        yield FieldError("config.realm", "Enter the realm on one line, without spaces at the ends.")


def _sign_host_problems(hosts: list[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, text in enumerate(hosts):
        field = f"config.sign_hosts[{index}]"
        try:
            host = read_sip_host(text)
        except InvalidUrl as refusal:
            yield FieldError(field, f"{refusal.detail} Enter the host alone: without sip:, user and port.")
            continue
        if host in seen:
            yield FieldError(field, "This host is listed twice.")
        seen.add(host)


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


def _open_access_problems(config: SipTrunkConfig) -> Iterator[FieldError]:
    if config.direction == "outbound" or config.password or config.allowed_addresses or config.numbers:
        return
    sentence = "This trunk accepts incoming calls: enter allowed addresses or numbers, or a user name and password."
    yield FieldError("config.allowed_addresses", sentence)
