"""Bodies that are no plain UTF-8: the character set that they are in.

A byte order mark decides, then the character set of Content-Type, then what an HTML or XML document says in its first
bytes, as in browsers (WHATWG Encoding Standard). JSON is UTF-8 wherever it can be (RFC 8259 section 8.1). The list is
closed: UTF-7 and codecs with escape sequences could hide a value from masking.
"""

import re

from secrets_app.redaction.redactor import Masked, Reason, Redactor

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
MARKS = tuple(mark for mark, _ in _MARKS)
"""The byte order marks."""
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([a-z0-9_:.-]+)""")
_SAID_INSIDE = re.compile(rb"""<(?:\?xml|meta)\s[^>]*(?:encoding|charset)\s*=\s*["']?([a-z0-9_:.-]+)""", re.IGNORECASE)
_FIRST_BYTES = 1024

_LATIN = ("cp1252", "latin-1")  # browsers read both as windows-1252, which leaves five bytes undefined
_CODECS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["utf-8", "utf8"], ("utf-8",)),
    **dict.fromkeys(["iso-8859-1", "iso8859-1", "latin1", "l1", "us-ascii", "ascii", "ansi"], _LATIN),
    **{f"iso-8859-{part}": (f"iso8859-{part}",) for part in range(2, 17) if part != 12},  # noqa: PLR2004 - never made
    **{f"iso8859-{part}": (f"iso8859-{part}",) for part in range(2, 17) if part != 12},  # noqa: PLR2004
    **{f"latin{number}": (f"iso8859-{part}",) for number, part in ((2, 2), (3, 3), (4, 4), (5, 9), (6, 10), (9, 15))},
    **dict.fromkeys(["iso-8859-8-i", "logical"], ("iso8859-8",)),
    **{f"{prefix}{page}": (f"cp{page}",) for page in range(1250, 1259) for prefix in ("windows-", "cp", "x-cp")},
    **dict.fromkeys(["windows-1252", "cp1252", "x-cp1252"], _LATIN),
    **dict.fromkeys(["windows-874", "tis-620", "iso-8859-11"], ("cp874",)),
    **dict.fromkeys(["utf-16", "utf16", "utf-16le", "utf-16-le", "ucs-2", "unicode"], ("utf-16-le",)),
    **dict.fromkeys(["utf-16be", "utf-16-be"], ("utf-16-be",)),
    **dict.fromkeys(["shift-jis", "sjis", "x-sjis", "windows-31j", "cp932", "ms932"], ("cp932", "shift_jis")),
    **dict.fromkeys(["euc-jp", "x-euc-jp", "eucjp"], ("euc_jp",)),
    **dict.fromkeys(["gb2312", "gbk", "x-gbk", "gb18030", "cp936", "gb-2312-80", "euc-cn"], ("gb18030",)),
    **dict.fromkeys(["big5", "x-x-big5", "cn-big5", "cp950", "big5-hkscs"], ("cp950", "big5hkscs")),
    **dict.fromkeys(["euc-kr", "ks-c-5601-1987", "ksc5601", "cp949", "windows-949", "korean", "uhc"], ("cp949",)),
    **dict.fromkeys(["koi8-r", "koi8"], ("koi8-r",)),
    "koi8-u": ("koi8-u",),
    **dict.fromkeys(["ibm866", "cp866"], ("cp866",)),
    **dict.fromkeys(["macintosh", "x-mac-roman"], ("mac-roman",)),
}  # fmt: skip
"""Python's codecs by the names of character sets, in lower case with hyphens."""


def in_utf8(body: bytes, part: Masked, content_type: bytes, redactor: Redactor, deadline: float | None) -> Masked:
    """Return the masked body in UTF-8 if it is a text in another character set; otherwise the part as it is.

    The text is searched as well as the bytes: a value that only one of them shows withholds the body.

    Args:
        body, part: the body as received, and masked.
        deadline: as of `Redactor.mask_bytes`.
    """
    read = None if part.withheld else decoded(body, content_type)
    if read is None:
        return part
    text, codec = read[0].encode(), read[1]
    again = redactor.mask_bytes(text, deadline)
    sent = again.text.decode().encode(codec, "replace")
    left = redactor.mask_bytes(sent, deadline)
    found = again.found | part.found | left.found
    is_clean = left.text == sent and (again.text != text or part.text == body)
    return again._replace(found=found, withheld=again.withheld or (None if is_clean else Reason.VALUE))


def decoded(body: bytes, content_type: bytes) -> tuple[str, str] | None:
    """Return the text of a body without its byte order mark, and the codec that it was read with.

    Returns:
        None if the body is plain UTF-8 or not known to be text.
    """
    for mark, codec in _MARKS:
        if body.startswith(mark):
            text = _read(body[len(mark) :], codec.removesuffix("-sig"))
            return None if text is None else (text, codec.removesuffix("-sig"))
    for codec in _said(body, content_type):
        text = _read(body, codec)
        if text is not None:
            return None if codec == "utf-8" else (text, codec)
    return None


def _said(body: bytes, content_type: bytes) -> tuple[str, ...]:
    """Return the codecs to try, in order."""
    if b"json" in content_type:
        if 0 not in body and _read(body, "utf-8") is not None:
            return ("utf-8",)
        if 0 in body[:2]:  # RFC 4627 section 3: the first two characters are ASCII
            return ("utf-16-le" if body[1:2] == b"\0" else "utf-16-be",)
    found = _CHARSET.search(content_type)
    if found is None and (content_type.startswith(b"text/html") or b"xml" in content_type):
        found = _SAID_INSIDE.search(body[:_FIRST_BYTES])
    return _CODECS.get(found[1].decode().lower().replace("_", "-"), ()) if found else ()


def _read(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        return None
