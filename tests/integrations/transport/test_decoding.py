import gzip
import zlib

import brotli
import pytest

from integrations.errors import ResponseTooLarge
from integrations.transport.decoding import decode, zstd

PLAIN = b"hello hello hello"


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("body", "encodings"),
    [
        (PLAIN, []),
        (PLAIN, ["identity"]),
        (PLAIN, [""]),
        (gzip.compress(PLAIN), ["gzip"]),
        (gzip.compress(PLAIN[:6]) + gzip.compress(PLAIN[6:]), ["gzip"]),
        (gzip.compress(PLAIN), ["x-gzip"]),
        (gzip.compress(PLAIN), ["identity", "gzip"]),
        (zlib.compress(PLAIN), ["deflate"]),
        (raw_deflate(PLAIN), ["deflate"]),
        (brotli.compress(PLAIN), ["br"]),
        (zstd.compress(PLAIN), ["zstd"]),
        (zstd.compress(PLAIN[:6]) + zstd.compress(PLAIN[6:]), ["zstd"]),
        (PLAIN, ["utf-8"]),
    ],
)
def test_one_known_encoding_is_undone(body, encodings):
    assert decode(body, encodings, limit=100) == PLAIN


def test_an_empty_body_is_empty_in_any_encoding():
    assert decode(b"", ["gzip"], limit=100) == b""


UNREADABLE = {
    "unknown": (PLAIN, ["dcb"]),
    "not brotli": (PLAIN, ["br"]),
    "not zstd": (PLAIN, ["zstd"]),
    "truncated brotli": (brotli.compress(PLAIN)[:-1], ["br"]),
    "truncated zstd": (zstd.compress(PLAIN)[:-1], ["zstd"]),
    "something after brotli": (brotli.compress(PLAIN) + PLAIN, ["br"]),
    "something after zstd": (zstd.compress(PLAIN) + PLAIN, ["zstd"]),
    "twice": (gzip.compress(gzip.compress(PLAIN)), ["gzip", "gzip"]),
    "not gzip": (PLAIN, ["gzip"]),
    "not deflate": (PLAIN, ["deflate"]),
    "truncated": (gzip.compress(PLAIN)[:-1], ["gzip"]),
    "wrong checksum": (gzip.compress(PLAIN)[:-8] + b"\0" * 8, ["gzip"]),
    "something after it": (gzip.compress(PLAIN) + PLAIN, ["gzip"]),
    "very many members": (gzip.compress(b"") * 200, ["gzip"]),
    "very many frames": (zstd.compress(b"") * 200, ["zstd"]),
}


@pytest.mark.parametrize(("body", "encodings"), UNREADABLE.values(), ids=UNREADABLE)
def test_anything_else_cannot_be_read(body, encodings):
    assert decode(body, encodings, limit=100) is None


@pytest.mark.parametrize(
    ("compress", "encoding"),
    [
        (gzip.compress, "gzip"),
        (zlib.compress, "deflate"),
        (raw_deflate, "deflate"),
        (brotli.compress, "br"),
        (zstd.compress, "zstd"),
    ],
)
def test_a_body_of_the_limit_passes_and_one_byte_more_does_not(compress, encoding):
    assert decode(compress(b"a" * 1000), [encoding], limit=1000) == b"a" * 1000
    with pytest.raises(ResponseTooLarge):
        decode(compress(b"a" * 1001), [encoding], limit=1000)
