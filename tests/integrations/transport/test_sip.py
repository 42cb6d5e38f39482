"""The SIP socket against servers that are slow, silent, wrong or somebody else."""

import asyncio
import socket
import ssl
import time

import pytest

from accounts.errors import Refusal
from integrations.egress.policy import EgressPolicy
from integrations.sip.messages import MAX_BYTES, SipPeer, SipRequest
from integrations.transport import dialling, sip
from tests.peers.registrar import free_port
from tests.peers.sip import reply, sip_over_tcp, sip_over_udp
from tests.peers.upstreams import answering

OPENED = EgressPolicy.parse("127.0.0.1/32")
OPTIONS = SipRequest("OPTIONS", "sip:sip.test", (("CSeq", "1 OPTIONS"),))


@pytest.fixture
def ask(trusting):
    """Asks OPTIONS, or several requests on one connection: `ask(port, transport)`."""

    async def call(
        port, transport="udp", host="127.0.0.1", policy=OPENED, addresses=("127.0.0.1",), requests=(OPTIONS,)
    ):
        async def lookup(host, port):
            return list(addresses)

        scheme = "sips" if transport == "tls" else "sip"
        peer = SipPeer(f"{scheme}://{host}:{port}", transport)
        async with sip.connected(peer, policy, ssl_context=trusting, lookup=lookup) as line:
            return [(await line.send(request)).status for request in requests]

    return call


async def refusal_of(call):
    with pytest.raises(Refusal) as refusal:
        await call
    return refusal.value.code, refusal.value.detail


SERVERS = {"udp": sip_over_udp, "tcp": sip_over_tcp}
each_transport = pytest.mark.parametrize("transport", SERVERS)


@each_transport
async def test_several_requests_on_one_connection(ask, transport):
    seen = []

    def answer(request):
        seen.append(request)
        return [reply(request)]

    second = SipRequest("REGISTER", "sip:sip.test", (("CSeq", "2 REGISTER"),))
    with SERVERS[transport](answer) as port:
        assert await ask(port, transport, requests=(OPTIONS, second)) == [200, 200]
    first, other = [request.decode().split("\r\n")[1] for request in seen]
    assert first.startswith(f"Via: SIP/2.0/{transport.upper()} 127.0.0.1:")
    assert ";rport;branch=z9hG4bK" in first
    assert first != other


@each_transport
async def test_only_the_final_answer_to_the_very_request_counts(ask, transport):
    def answer(request):
        stranger = reply(request).replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
        other = reply(request).replace(b"CSeq: 1", b"CSeq: 9")
        theirs = reply(request).replace(b"SIP/2.0 200 OK", b"NOTIFY sip:a@b SIP/2.0")
        return [b"\r\n\r\n", stranger, other, theirs, reply(request, "100 Trying"), reply(request, "486 Busy Here")]

    with SERVERS[transport](answer) as port:
        assert await ask(port, transport) == [486]


async def test_an_answer_in_pieces_with_a_body(ask):
    def answer(request):
        whole = reply(request, body=b"v=0\r\n" * 100)
        return [b"\r\n", whole[:10], whole[10:200], whole[200:]]

    second = SipRequest("OPTIONS", "sip:sip.test", (("CSeq", "1 OPTIONS"),))
    with sip_over_tcp(answer) as port:
        assert await ask(port, "tcp", requests=(OPTIONS, second)) == [200, 200]


async def test_a_lost_datagram_is_sent_again(ask):
    seen = []

    def answer(request):
        seen.append((time.monotonic(), request))
        return [reply(request)] if len(seen) == 3 else []

    with sip_over_udp(answer) as port:
        assert await ask(port) == [200]
    (first, one), (second, two), (third, three) = seen
    assert one == two == three
    assert second - first > 0.4
    assert third - second > 0.9
    assert third - first < 5


@each_transport
async def test_silence_is_a_timeout(ask, transport, monkeypatch):
    monkeypatch.setattr(sip, "RESPONSE_SECONDS", 0.3)
    with SERVERS[transport](lambda request: []) as port:
        code, detail = await refusal_of(ask(port, transport))
    assert (code, detail) == ("upstream_timeout", "127.0.0.1 did not answer in time.")


async def test_a_peer_that_drips_is_cut_off(ask, monkeypatch):
    monkeypatch.setattr(sip, "RESPONSE_SECONDS", 0.4)

    def respond(request, sock):
        for byte in reply(request):
            sock.sendall(bytes([byte]))
            time.sleep(0.05)

    with answering(respond) as url:
        started = time.monotonic()
        code, _ = await refusal_of(ask(int(url.rpartition(":")[2]), "tcp"))
    assert code == "upstream_timeout"
    assert time.monotonic() - started < 5


async def test_the_whole_conversation_is_limited(ask, monkeypatch):
    monkeypatch.setattr(sip, "WHOLE_SECONDS", 0.3)

    def answer(request):
        time.sleep(0.1)
        return [reply(request)]

    with sip_over_udp(answer) as port:
        code, _ = await refusal_of(ask(port, requests=(OPTIONS,) * 10))
    assert code == "upstream_timeout"


@each_transport
async def test_nobody_there(ask, transport):
    code, detail = await refusal_of(ask(free_port(), transport))
    assert (code, detail) == ("upstream_unreachable", "127.0.0.1 could not be reached.")


async def test_a_name_that_does_not_resolve(trusting):
    async def lookup(host, port):
        raise socket.gaierror

    peer = SipPeer("sip://sip.test:5060", "udp")

    async def call():
        async with sip.connected(peer, OPENED, ssl_context=trusting, lookup=lookup):
            raise AssertionError

    assert await refusal_of(call()) == ("upstream_unreachable", "The name sip.test could not be resolved.")


@each_transport
async def test_what_is_not_sip_is_said_so(ask, transport):
    with SERVERS[transport](lambda request: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]) as port:
        code, detail = await refusal_of(ask(port, transport))
    assert (code, detail) == ("response_unreadable", "The response of 127.0.0.1 is not SIP.")


async def test_an_answer_without_length_on_a_stream(ask):
    with sip_over_tcp(lambda request: [reply(request).replace(b"Content-Length: 0\r\n", b"")]) as port:
        assert (await refusal_of(ask(port, "tcp")))[0] == "response_unreadable"


@pytest.mark.parametrize(("sent", "code"), [(b"", "upstream_unreachable"), (b"SIP/2.0 200 O", "response_unreadable")])
async def test_a_connection_that_ends_early(ask, sent, code):
    with answering(lambda request, sock: sock.sendall(sent)) as url:
        assert (await refusal_of(ask(int(url.rpartition(":")[2]), "tcp")))[0] == code


OVERSIZED = {
    "one endless line": b"SIP/2.0 200 " + b"a" * (2 * MAX_BYTES),
    "many lines": b"SIP/2.0 200 OK\r\n" + b"X: a\r\n" * MAX_BYTES,
    "a large body": b"SIP/2.0 200 OK\r\nContent-Length: 999999\r\n\r\n",
}


@pytest.mark.parametrize("sent", OVERSIZED.values(), ids=OVERSIZED)
async def test_an_oversized_answer_is_not_read(ask, sent):
    with sip_over_tcp(lambda request: [sent]) as port:
        assert (await refusal_of(ask(port, "tcp")))[0] == "response_too_large"


@pytest.mark.parametrize("piece", ["100 Trying", "487 Another", ""])
async def test_a_stream_of_what_nobody_awaits_is_left_long_before_the_deadline(ask, piece):
    def flood(request, connection):
        message = reply(request, piece) if piece else b"\r\n"
        message = message.replace(b"CSeq: 1", b"CSeq: 9") if piece.startswith("487") else message
        while True:
            connection.sendall(message * 1000)

    with answering(flood) as url:
        started = time.monotonic()
        code, _ = await refusal_of(ask(int(url.rpartition(":")[2]), "tcp"))
    assert code in {"response_too_large", "response_unreadable"}
    assert time.monotonic() - started < 2


async def test_a_flood_of_datagrams_neither_piles_up_nor_hides_a_later_answer(ask):
    seen = []

    def answer(request):
        seen.append(request)
        return [b"\r\n"] * 500 if len(seen) == 1 else [reply(request)]

    with sip_over_udp(answer) as port:
        assert await ask(port) == [200]


@pytest.mark.parametrize(
    ("host", "addresses", "policy"),
    [
        ("sip.test", ("127.0.0.1",), EgressPolicy()),
        ("sip.test", ("198.51.100.7",), OPENED),
        ("sip.test", ("127.0.0.1", "169.254.169.254"), OPENED),
        ("sip.test", (), OPENED),
        ("169.254.169.254", (), OPENED),
        ("10.0.0.1", (), OPENED),
        ("[::1]", (), OPENED),
        ("localhost", ("127.0.0.1",), EgressPolicy()),
        ("pbx", ("93.184.215.14",), OPENED),
    ],
)
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_addresses_are_judged_before_anything_is_dialled(ask, host, addresses, policy, transport, monkeypatch):
    monkeypatch.setattr(dialling, "_connected", None)
    code, _ = await refusal_of(ask(5060, transport, host, policy, addresses))
    assert code == "egress_denied"


@each_transport
async def test_the_other_end_is_judged_once_more(ask, transport, monkeypatch):
    """Whatever happens between judging and dialling, what the kernel says is what counts."""

    class Elsewhere(socket.socket):
        def getpeername(self):
            return ("169.254.169.254", 5060)

    monkeypatch.setattr(sip.socket, "socket", Elsewhere)
    seen = []
    with SERVERS[transport](lambda request: seen.append(request) or []) as port:
        code, _ = await refusal_of(ask(port, transport))
    assert code == "egress_denied"
    assert [request for request in seen if request != b"stop"] == []


async def test_the_next_address_is_tried_over_tcp(ask):
    policy = EgressPolicy.parse("127.0.0.1/32,127.0.0.2/32")
    with sip_over_tcp(lambda request: [reply(request)]) as port:
        assert await ask(port, "tcp", "sip.test", policy, ("127.0.0.2", "127.0.0.1")) == [200]


@pytest.fixture
async def over_tls(authority, tmp_path):
    """The port of a TLS server with a certificate for `sip.test`, and what it received."""
    received = []

    async def serve(reader, writer):
        try:
            received.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply(received[0]))
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            received.append(b"")
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.serving("sip.test", tmp_path))
    async with server:
        yield server.sockets[0].getsockname()[1], received


async def test_tls_with_the_configured_name(ask, over_tls):
    port, received = over_tls
    assert await ask(port, "tls", "sip.test") == [200]
    assert b"Via: SIP/2.0/TLS 127.0.0.1:" in received[0]


@pytest.mark.parametrize("host", ["other.test", "127.0.0.1"])
async def test_tls_with_another_name_is_refused_before_anything_is_sent(ask, over_tls, host):
    port, received = over_tls
    code, detail = await refusal_of(ask(port, "tls", host))
    assert code == "upstream_tls"
    assert detail == f"{host} did not present a certificate that is trusted for this name."
    assert b"OPTIONS" not in b"".join(received)


async def test_a_server_without_tls_is_not_trusted(ask, monkeypatch):
    monkeypatch.setattr(sip, "CONNECT_SECONDS", 0.5)
    with sip_over_tcp(lambda request: [reply(request)]) as port:
        assert (await refusal_of(ask(port, "tls")))[0] in {"upstream_tls", "upstream_timeout"}


async def test_a_context_that_trusts_anybody_is_a_fault():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with pytest.raises(ValueError):
        async with sip.connected(SipPeer("sips://sip.test:5061", "tls"), OPENED, ssl_context=context):
            raise AssertionError
