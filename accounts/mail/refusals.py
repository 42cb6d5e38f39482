"""Says why a mail server did not take a mail, from the exception of its library."""

from django.conf import settings

REASONS = {
    "SMTPAuthenticationError": "refuses the user or the password. Check them in EMAIL_URL; write %40 for @ in them",
    "SMTPNotSupportedError": "does not offer what EMAIL_URL asks for. Try smtp+tls:// or smtp+ssl://",
    "SMTPRecipientsRefused": "refuses the recipient. Check the address, and whether the server relays for you",
    "SMTPSenderRefused": "refuses the sender. Set COFFER_FROM_EMAIL to an address that it lets you use",
    "SMTPDataError": "refuses the mail. Its log says why",
    "SMTPServerDisconnected": "ends the connection. Check the port and whether it expects TLS (smtp+tls, smtp+ssl)",
    "SMTPConnectError": "turns the connection away. Its log says why",
    "SSLCertVerificationError": "has a certificate that does not match its name or is not trusted here",
    "SSLError": "does not speak TLS as EMAIL_URL asks. Try smtp+tls:// with port 587, smtp+ssl:// with 465",
    "gaierror": "cannot be found under its host name. Check EMAIL_URL",
    "ConnectionRefusedError": "does not listen there. Check the host and the port in EMAIL_URL",
    "TimeoutError": "does not answer in time. Check the host, the port and the firewall",
}


def why_refused(fault: BaseException) -> str:
    """Return a sentence with the reason and what to do. It names no recipient and nothing that the server said."""
    names = [base.__name__ for base in type(fault).__mro__]
    reason = next((REASONS[name] for name in names if name in REASONS), f"did not take it ({names[0]})")
    return f"The mail server {settings.EMAIL_HOST}:{settings.EMAIL_PORT or 25} {reason}."
