"""The options of curl that are read, that change nothing here, and that an action cannot do."""

SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "b": "cookie", "A": "user-agent",
    "e": "referer", "m": "max-time", "o": "output", "G": "get", "I": "head", "L": "location", "k": "insecure",
    "s": "silent", "S": "show-error", "v": "verbose", "i": "include", "f": "fail", "N": "no-buffer", "g": "globoff",
    "T": "upload-file", "x": "proxy", "E": "cert", "K": "config", "O": "remote-name", "c": "cookie-jar",
    "w": "write-out",
    "0": "http1.0", "4": "ipv4", "6": "ipv6", "#": "progress-bar", "q": "disable", "n": "netrc", "U": "proxy-user",
}  # fmt: skip
"""The long name of each option of one letter."""
TAKE_VALUE = frozenset({
    "request", "header", "data", "data-ascii", "data-raw", "data-binary", "data-urlencode", "json", "form",
    "form-string", "user", "url", "url-query", "cookie", "user-agent", "referer", "oauth2-bearer", "max-time",
    "connect-timeout", "output", "upload-file", "proxy", "proxy-user", "cert", "key", "config", "aws-sigv4",
    "cookie-jar", "write-out", "retry", "retry-delay", "retry-max-time", "max-redirs", "cacert", "capath",
    "resolve", "interface",
})  # fmt: skip
WITHOUT_EFFECT = frozenset({
    "silent", "show-error", "verbose", "include", "fail", "fail-with-body", "no-buffer", "globoff",
    "compressed", "http1.0", "http1.1", "http2", "http2-prior-knowledge", "http3", "progress-bar",
    "no-progress-meter", "disable", "ipv4", "ipv6", "output", "remote-name", "write-out", "retry",
    "retry-delay", "retry-max-time", "max-redirs", "connect-timeout", "user-agent", "referer", "ssl-reqd",
    "tlsv1.2", "tlsv1.3", "basic",
})  # fmt: skip
REFUSED = {
    "upload-file": "files are given as arguments of a run: use --data-binary or --form",
    "proxy": "Coffer goes no other way than its own",
    "proxy-user": "Coffer goes no other way than its own",
    "cert": "client certificates are not supported",
    "key": "client certificates are not supported",
    "config": "it reads a file that only you have",
    "netrc": "it reads a file that only you have; write the credential as -u or a header",
    "aws-sigv4": "signing of AWS is not supported",
    "digest": "digest authentication is not supported for HTTP",
    "ntlm": "NTLM is not supported",
    "negotiate": "Negotiate is not supported",
    "resolve": "Coffer looks names up itself",
    "interface": "Coffer chooses its interface itself",
    "cookie-jar": "Coffer keeps no cookies",
}
"""Why, by name."""
