"""The bytes that arrive upstream, for all arguments and values: one request, in the shape of its template."""

import asyncio
import base64
import json
from urllib.parse import parse_qsl

from hypothesis import example, given, settings
from hypothesis import strategies as st

from integrations.errors import InvalidHeaderValue, InvalidPathValue
from integrations.exchange.messages import BasicAuth, render
from integrations.transport.client import send
from tests.peers.tls_upstream import Authority, ok, upstream
from tests.support.integrations.calls import LOOPBACK
from tests.support.integrations.requests import (
    HOSTILE_TEXTS,
    form_body,
    json_body,
    make,
    pairs,
    parse,
    text_body,
    values,
)

TRUSTING = Authority.make().trusting()
BODIES = {
    "application/x-www-form-urlencoded": form_body(x="{params.a}-{secrets.s}", y="1"),
    "application/json": json_body('{"x": ["{params.a}"], "y": "{secrets.s}"}'),
    "text/plain; charset=utf-8": text_body("<{params.a}|{secrets.s}>"),
}
VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
PIECE = st.text(st.characters(exclude_categories=["C"], exclude_characters="/\\\\.;"), min_size=1, max_size=8)
NAME = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=":"), max_size=8)
SMUGGLED = "x\r\nHost: evil.example\r\n\r\nGET /other HTTP/1.1\r\n\r\n"


async def arrived(media_type, a, s, *, h, p, u):
    """The head's lines and the body of the one request that came; None where it was refused before."""
    async with upstream(ok(b"")) as server:
        template = make(
            "/u/{params.p}/{secrets.p}/z",
            base_url=f"http://127.0.0.1:{server.port}/v1",
            query=pairs(q="{params.a}{secrets.s}", r="1"),
            headers=pairs(X_Key="k {params.h} {secrets.h} k"),
            body=BODIES[media_type],
            basic=BasicAuth(parse("agent-{params.u}"), parse("{secrets.u}")),
        )
        try:
            secrets = values(s=s, h=h, p=p, u=u, other="never-named-canary")
            request = render(template, secrets=secrets, params={"a": a, "h": h, "p": p, "u": u})
        except (InvalidHeaderValue, InvalidPathValue):
            return server.connections, None
        await send(request, LOOPBACK, ssl_context=TRUSTING)
    assert server.connections == 1
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    return server.port, (head.decode("ascii").split("\r\n"), body)


@settings(max_examples=60)
@example(media_type="application/json", a=SMUGGLED, s=SMUGGLED, h="x", p="x", u="x")
@example(media_type="text/plain; charset=utf-8", a="x", s="x", h=SMUGGLED, p="x", u="x")
@example(media_type="text/plain; charset=utf-8", a="x", s="x", h="x", p=SMUGGLED, u="x")
@example(media_type="text/plain; charset=utf-8", a="x", s="x", h="x", p="x", u=SMUGGLED)
@example(media_type="application/json", a="{secrets.other}", s="{params.a}", h="{secrets.other}", p="x", u="x")
@given(
    media_type=st.sampled_from(list(BODIES)),
    a=HOSTILE_TEXTS,
    s=HOSTILE_TEXTS,
    h=VISIBLE | VISIBLE | HOSTILE_TEXTS,
    p=PIECE | PIECE | HOSTILE_TEXTS,
    u=NAME | NAME | HOSTILE_TEXTS,
)
def test_what_arrives_keeps_the_shape_of_its_template(media_type, a, s, h, p, u):
    port, request = asyncio.run(arrived(media_type, a, s, h=h, p=p, u=u))
    if request is None:
        assert port == 0  # no connection either
        return
    (line, *lines), body = request
    method, target, version = line.split(" ")
    path, _, query = target.partition("?")
    assert (method, version, path.startswith("/v1/u/"), path.endswith("/z")) == ("POST", "HTTP/1.1", True, True)
    assert path.count("/") == 5
    assert parse_qsl(query, keep_blank_values=True) == [("q", a + s), ("r", "1")]
    headers = dict(line.split(": ", 1) for line in lines)
    assert list(headers) == [
        "Host",
        "User-Agent",
        "Accept-Encoding",
        "Content-Type",
        "X-Key",
        "Authorization",
        "Content-Length",
        "Connection",
    ]
    assert headers["X-Key"] == f"k {h} {h} k"
    assert (headers["Host"], headers["Content-Type"]) == (f"127.0.0.1:{port}", media_type)
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == f"agent-{u}:{u}"
    assert int(headers["Content-Length"]) == len(body)
    assert (
        read(media_type, body)
        == {
            "application/x-www-form-urlencoded": [("x", f"{a}-{s}"), ("y", "1")],
            "application/json": {"x": [a], "y": s},
            "text/plain; charset=utf-8": f"<{a}|{s}>",
        }[media_type]
    )
    assert "never-named-canary" not in "".join(lines) + target + body.decode()


def read(media_type, body):
    if media_type == "application/json":
        return json.loads(body)
    return body.decode() if media_type.startswith("text") else parse_qsl(body.decode(), keep_blank_values=True)
