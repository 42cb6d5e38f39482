"""Every environment variable that Coffer reads, with its default and meaning.

Reading (`config.configuration.reading`), docs/settings.md and the search for misspelt names all use this table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

PREFIX = "COFFER_"
OF_THE_COMMAND_LINE = {"COFFER_URL", "COFFER_API_KEY", "COFFER_PROFILE"}
"""Names that the client's command line reads (docs/command-line.md)."""
ALIKE_WITH_PREFIX, ALIKE_WITHOUT = 0.6, 0.9
"""How similar the rest of a name has to be (`difflib`). Other programs own names without the prefix."""

Default = str | int | bool


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable.

    Attributes:
        meaning: for docs/settings.md, as Markdown.
        default: what holds where it is not set; None if it is required or computed.
        said: how docs/settings.md tells the default, where the value itself would not do.
        by_make: only `make run` and `serve` read it.
    """

    name: str
    meaning: str
    default: Default | None = None
    said: str = ""
    by_make: bool = False


SETTINGS = (
    Setting("COFFER_SECRET_KEY", "Django's secret key, 50 characters or more", said="none: refuses to start"),
    Setting(
        "COFFER_MASTER_KEYS",
        "master keys, newest first, separated by commas: `id:env:BASE64`, `id:file:PATH` or `id:kms:ARN=PATH` "
        "([AWS KMS](keys.md#aws-kms)), 32 random bytes each; or `@PATH` of a file with such a list",
        said="none: refuses to start",
    ),
    Setting(
        "COFFER_ALLOWED_HOSTS",
        "host names served, separated by commas; no wildcards",
        said="none: refuses to start",
    ),
    Setting(
        "COFFER_SITE_URL",
        "the address that people use; plain `http` only for loopback hosts. `https` turns on secure cookies and HSTS",
        said="`https://` and the first host",
    ),
    Setting("COFFER_SSL_REDIRECT", "redirect `http` requests to `https`", True, "on with an `https` address"),
    Setting(
        "COFFER_TRUSTED_PROXIES",
        "addresses and networks of the proxies in front of Coffer (`127.0.0.1,10.0.0.0/24`; `unix` for a Unix "
        "socket): their `X-Forwarded-For` and `X-Forwarded-Proto` count, and nobody else's",
        "",
    ),
    Setting("COFFER_DEBUG", "development mode; refused unless every host is a loopback host", False),
    Setting("COFFER_LOG_LEVEL", "log level; the log goes to standard error", "INFO"),
    Setting(
        "COFFER_LOG_FORMAT",
        "`text`, or `json` for one line of JSON per record, with a line for each request and each run "
        "([production.md](production.md#logs))",
        "text",
    ),
    Setting(
        "COFFER_METRICS_TOKEN",
        "the token that opens `/metrics` for Prometheus, 24 random characters or more ([monitoring.md](monitoring.md))",
        "",
        "none: there is no such page",
    ),
    Setting(
        "COFFER_TRACES",
        "the address to which traces go by OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`; needs the extra "
        "`otel` ([monitoring.md](monitoring.md#traces))",
        "",
        "no traces",
    ),
    Setting(
        "COFFER_EGRESS_ALLOW",
        "networks opened for outgoing calls, on every port or on one "
        "(`10.20.0.0/16:8443,[fd12::/16]:8443,127.0.0.1/32`). Plain `http`, other ports, IP addresses and local names "
        "work only toward them ([security-rules.md](security-rules.md#destinations)); a SIP trunk uses its own ports "
        "and may name a public address without this",
        "",
    ),
    Setting(
        "COFFER_NAT64_PREFIXES",
        "prefixes of NAT64 gateways in front of Coffer (`64:ff9b::/96`): an IPv6 address in them is judged as the "
        "IPv4 address that it leads to",
        "",
    ),
    Setting("COFFER_EGRESS_CA_FILE", "a PEM file with extra trusted roots for outgoing TLS", ""),
    Setting(
        "COFFER_SIGN_UP",
        "who may create an account at `/signup/`: `invited` (the first person of an installation, then invitations "
        "only), `anybody` or `nobody`; see [signing-in.md](signing-in.md)",
        "invited",
    ),
    Setting(
        "COFFER_OIDC_ISSUER",
        "address of the OpenID Connect provider for single sign-on, `https`",
        "",
        "none: no single sign-on",
    ),
    Setting(
        "COFFER_OIDC_CLIENT_ID",
        "the id that the provider issued",
        said="none: with an issuer and without this, refuses to start",
    ),
    Setting(
        "COFFER_OIDC_CLIENT_SECRET",
        "the secret that the provider issued",
        said="none: with an issuer and without this, refuses to start",
    ),
    Setting("COFFER_OIDC_NAME", "the provider's name on the button", "your company account"),
    Setting(
        "COFFER_OIDC_SIGN_UP",
        "create an account for everybody whom the provider lets in; leave it off with a public provider",
        False,
    ),
    Setting(
        "COFFER_ROLLBACK_HOURS",
        "how long the previous value is kept after a promotion, 1 to 720 hours, unless the organization sets its own; "
        "applies to later promotions",
        24,
    ),
    Setting(
        "COFFER_RUN_DAYS",
        "how long a run record is kept, 90 to 3650 days, unless the organization sets its own; `manage.py "
        "housekeeping` removes older records",
        400,
    ),
    Setting("COFFER_FROM_EMAIL", "sender of mail", said="`coffer@` and the first host"),
    Setting("DATABASE_URL", "`postgres://…` or `sqlite:///…`", said="a SQLite file in `var/`"),
    Setting(
        "COFFER_STATEMENT_SECONDS",
        "PostgreSQL: how long a statement of the server may take, 1 to 3600 seconds; commands have no limit "
        "([postgresql.md](postgresql.md#timeouts))",
        30,
    ),
    Setting("COFFER_LOCK_SECONDS", "PostgreSQL: how long a statement may wait for a lock, also of a migration", 10),
    Setting("COFFER_IDLE_TRANSACTION_SECONDS", "PostgreSQL: how long a transaction may do nothing", 60),
    Setting("COFFER_CONNECT_SECONDS", "PostgreSQL: how long connecting may take", 5),
    Setting(
        "COFFER_PGBOUNCER",
        "`DATABASE_URL` leads to pgbouncer in transaction mode ([postgresql.md](postgresql.md#pgbouncer))",
        False,
    ),
    Setting(
        "COFFER_AUDIT_HEADS_MAIL",
        "where `manage.py housekeeping` sends the heads of the [audit log](audit.md#has-somebody-changed-it) by mail",
        "",
        "nowhere",
    ),
    Setting(
        "COFFER_AUDIT_HEADS_WEBHOOK",
        "the address to which it sends them as JSON, by POST; the egress rules apply",
        "",
        "nowhere",
    ),
    Setting(
        "COFFER_STATIC_ROOT",
        "the folder that `manage.py collectstatic` writes and the server reads",
        said="`var/static`",
    ),
    Setting(
        "CACHE_URL",
        "shared cache, which holds the sign-in limits: `redis://host:6379/0` or `rediss://…` (install `redis` from "
        "PyPI); `locmemcache://` for one process on loopback. Other caches are refused",
        "dbcache://coffer_cache",
        "a table of the database",
    ),
    Setting("EMAIL_URL", "`smtp+tls://user:password@host:587`", "consolemail://", "printed on standard error"),
    Setting(
        "WEB_CONCURRENCY",
        "number of worker processes, as uvicorn reads it; above 1, a per-process cache is refused. `config.bootstrap` "
        "writes the number of processors for production, where PostgreSQL serves",
        1,
    ),
    Setting(
        "PORT",
        "the port on loopback, and no other: the start ends if it is taken",
        said="8000, or the next free port",
        by_make=True,
    ),
    Setting(
        "ECHO_PORT",
        "the same for the demo's echo upstream",
        said="8901, or the next free port",
        by_make=True,
    ),
    Setting("DEMO", "`0` leaves out the demo and its stand-ins", "1", by_make=True),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


def misspelt(names: Iterable[str]) -> list[str]:
    """Return a sentence for each name that Coffer does not read although it looks as if it should.

    Args:
        names: those of the environment. Only names that begin with `COFFER_` are Coffer's for sure; of the others, the
            ones that almost equal a setting are reported.
    """
    sentences = []
    for name in sorted(set(names) - BY_NAME.keys() - OF_THE_COMMAND_LINE):
        near = _nearest(name)
        if near or name.startswith(PREFIX):
            sentences.append(
                f"{name} is not a setting, so it has no effect." + (f" Did you mean {near}?" if near else "")
            )
    return sentences


def _nearest(name: str) -> str:
    prefix, cutoff = (PREFIX, ALIKE_WITH_PREFIX) if name.startswith(PREFIX) else ("", ALIKE_WITHOUT)
    rests = [known.removeprefix(prefix) for known in BY_NAME if known.startswith(prefix)]
    near = get_close_matches(name.removeprefix(prefix), rests, n=1, cutoff=cutoff)
    return prefix + near[0] if near else ""
