"""The settings that decide who reaches an installation, and how: its secret key, hosts, address and single sign-on."""

from typing import Any
from urllib.parse import SplitResult, urlsplit

from config.configuration.reading import Variables
from config.single_sign_on import providers

LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
MINIMUM_SECRET_KEY_LENGTH, MINIMUM_DISTINCT_CHARACTERS = 50, 16


def secret_key(env: Variables) -> str:
    """Return Django's secret key."""
    key = env.required(
        "COFFER_SECRET_KEY", "Set it to a random text of 50 characters or more; `make run` writes one into .env."
    )
    if key and (len(key) < MINIMUM_SECRET_KEY_LENGTH or len(set(key)) < MINIMUM_DISTINCT_CHARACTERS):
        env.refuse(f"COFFER_SECRET_KEY is weak. Use {MINIMUM_SECRET_KEY_LENGTH} random characters or more.")
    return key


def allowed_hosts(env: Variables) -> list[str]:
    """Return the names of the hosts that are served, at least one."""
    names = env.required("COFFER_ALLOWED_HOSTS", "Set it to the host names served, separated by commas.")
    hosts = [host.strip() for host in names.split(",")]
    if names and any(not host or host.startswith(("*", ".")) for host in hosts):
        env.refuse("COFFER_ALLOWED_HOSTS has a wildcard or an empty name. Name every host.")
    elif any(mark in names for mark in "/@ \t") or any(_has_port(host) for host in hosts):
        env.refuse(
            "COFFER_ALLOWED_HOSTS has an address where names are expected. Write host names alone, separated by "
            "commas: no https://, no port, no spaces inside."
        )
    return hosts


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def site_url(env: Variables, hosts: list[str]) -> SplitResult:
    """Return the address that people use."""
    text = env.text("COFFER_SITE_URL", default=f"https://{hosts[0]}").rstrip("/")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        env.refuse("COFFER_SITE_URL is not an address. Write it like https://coffer.example.com.")
        return urlsplit("https://localhost")
    _judge_site(env, parts, hosts)
    return parts


def _judge_site(env: Variables, parts: SplitResult, hosts: list[str]) -> None:
    if parts.path or parts.query or parts.fragment or parts.username:
        env.refuse("COFFER_SITE_URL has more than a host and a port. Coffer is served at the root of its host.")
    if parts.hostname not in {name.strip("[]") for name in hosts}:
        env.refuse("COFFER_SITE_URL names a host that COFFER_ALLOWED_HOSTS does not list.")
    if parts.scheme != "https" and not set(hosts) <= LOOPBACK:
        env.refuse("COFFER_SITE_URL is not https. Plain http is for loopback hosts only.")


def single_sign_on(env: Variables, issuer: str) -> dict[str, Any]:
    """Return the provider of single sign-on; nothing without an issuer."""
    if not issuer:
        return {}
    try:
        parts = urlsplit(issuer)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        env.refuse("COFFER_OIDC_ISSUER is not https. Name the provider by its https address.")
    return providers(
        issuer=issuer,
        name=env.text("COFFER_OIDC_NAME"),
        client_id=env.required("COFFER_OIDC_CLIENT_ID", "Single sign-on needs the client id from the provider."),
        secret=env.required("COFFER_OIDC_CLIENT_SECRET", "Single sign-on needs the client secret from the provider."),
    )
