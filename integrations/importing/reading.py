"""What a text is: a description of an API, a curl command or a Postman collection; and its draft."""

import hashlib
from dataclasses import replace

from accounts.common.documents import Document, read_document
from accounts.errors import DocumentUnreadable
from integrations.importing.curl import is_curl, read_curl
from integrations.importing.drafts import Draft, NotReadable
from integrations.importing.openapi.document import is_openapi, read_openapi
from integrations.importing.postman import is_postman, read_postman

LONGEST_COMMAND = 262_144
NOT_KNOWN = (
    "This is neither an OpenAPI 3 or Swagger 2 document nor a Postman collection nor a curl command. A description "
    "says which it is in its field `openapi` or `swagger`."
)


def read_draft(text: str) -> Draft:
    """Return the draft of a text.

    Raises:
        NotReadable: it is none of these, or cannot be read; the error names a line where one is to blame.
    """
    if not text.strip():
        raise NotReadable("Paste a description, a collection or a curl command, or choose a file.")
    if is_curl(text[:200]):
        draft = read_curl(_bounded(text))
        return replace(draft, fingerprint=_hash(*(each.key for each in draft.outlines)))
    document = _document(text)
    if is_openapi(document.content):
        return replace(read_openapi(document), fingerprint=_hash(text))
    if is_postman(document.content):
        draft = read_postman(document)
        return replace(draft, fingerprint=_hash(*(each.key for each in draft.outlines)))
    raise NotReadable(NOT_KNOWN)


def _document(text: str) -> Document:
    try:
        return read_document(text)
    except DocumentUnreadable as refusal:
        fault = refusal.errors[0]
        path = "" if fault.field == "document" else f" (at {fault.field})"
        raise NotReadable(f"{refusal.detail}{path}", line=fault.line) from None


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()


def _bounded(text: str) -> str:
    if len(text) > LONGEST_COMMAND:
        raise NotReadable("The command is too long. Leave out the data, and paste it into the body of the action.")
    return text
