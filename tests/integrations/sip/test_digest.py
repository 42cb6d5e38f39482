"""Digest authentication: the vectors of the RFCs, and what is refused."""

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sip import digest
from integrations.sip.digest import (
    Challenge,
    MalformedDigest,
    UnsupportedDigest,
    read_challenge,
    read_credentials,
    split_challenges,
)

needs_sha_512_256 = pytest.mark.skipif(not digest.is_available("SHA-512-256"), reason="not in this OpenSSL")


def response(challenge, *, username, password, method="GET", uri="/dir/index.html", count="00000001", cnonce=""):
    ha1 = digest.secret_half(challenge.algorithm, username=username, realm=challenge.realm, password=password)
    return digest.response_to(challenge, ha1=ha1, method=method, uri=uri, count=count, cnonce=cnonce)


RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def test_the_example_of_rfc_2617():
    found = response(read_challenge(RFC_2617), username="Mufasa", password="Circle Of Life", cnonce="0a4f113b")
    assert found == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm, expected):
    challenge = read_challenge(RFC_7616.format(algorithm))
    assert response(challenge, username="Mufasa", password="Circle of Life", cnonce=RFC_7616_CNONCE) == expected


@needs_sha_512_256
def test_the_example_of_rfc_7616_with_sha_512_256_as_its_erratum_corrects_it():
    challenge = read_challenge(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
    )
    found = response(
        challenge,
        username="J\u00e4s\u00f8n Doe",
        password="Secret, or not?",
        uri="/doe.json",
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )
    assert found == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


def test_without_qop_as_rfc_2069_has_it():
    challenge = read_challenge('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    found = response(challenge, username="Mufasa", password="Circle Of Life", count=None, cnonce=None)
    assert found == "670fd8c2df070c60b045671b8b24ff02"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", pytest.param("SHA-512-256", marks=needs_sha_512_256)])
def test_the_formula_of_rfc_8760_in_sip(algorithm):
    """RFC 8760 gives challenges without responses, so its formula is written out once more here."""
    challenge = read_challenge(f'Digest realm="atlanta.example.com", algorithm={algorithm}, qop="auth", nonce="84a4"')

    def h(text):
        return hashlib.new(digest.ALGORITHMS[algorithm], text.encode()).hexdigest()

    expected = h(f"{h('alice:atlanta.example.com:pw')}:84a4:0000000a:c0:auth:{h('REGISTER:sip:atlanta.example.com')}")
    uri = "sip:atlanta.example.com"
    found = response(
        challenge, username="alice", password="pw", method="REGISTER", uri=uri, count="0000000a", cnonce="c0"
    )
    assert found == expected


def answered(challenge, **changes):
    fields = {
        "username": "alice",
        "ha1": digest.secret_half(challenge.algorithm, username="alice", realm=challenge.realm, password="pw"),
        "method": "INVITE",
        "uri": "sip:bob@sip.test",
        "count": 10,
        "cnonce": "c0ffee",
    }
    return digest.authorization(challenge, **(fields | changes))


def test_the_header_repeats_what_was_asked():
    header = answered(read_challenge('Digest realm="a\\"b\\\\c", nonce="n", qop="auth", algorithm=md5, opaque=""'))
    assert header.startswith(
        'Digest username="alice", realm="a\\"b\\\\c", nonce="n", uri="sip:bob@sip.test", response="'
    )
    assert header.endswith('", algorithm=MD5, opaque="", qop=auth, nc=0000000a, cnonce="c0ffee"')


def test_the_header_names_neither_algorithm_nor_qop_where_none_was_asked():
    header = answered(read_challenge('Digest realm="r", nonce="n"'))
    assert [part.partition("=")[0] for part in header.removeprefix("Digest ").split(", ")] == [
        "username",
        "realm",
        "nonce",
        "uri",
        "response",
    ]


def test_the_challenge_in_all_its_parts():
    text = 'DIGEST  Realm = "r" ,nonce="n",opaque="o",  ALGORITHM="sha-256",qop="auth-int , AUTH",stale=TRUE,domain="x"'
    assert read_challenge(text) == Challenge("r", "n", "SHA-256", True, True, "o", True)


REFUSED_CHALLENGES = {
    "empty": "",
    "another scheme": 'Basic realm="r"',
    "no parameters": "Digest ",
    "no nonce": 'Digest realm="r"',
    "empty nonce": 'Digest realm="r", nonce=""',
    "no realm": 'Digest nonce="n"',
    "twice": 'Digest realm="r", nonce="n", realm="s"',
    "twice in other case": 'Digest realm="r", nonce="n", NONCE="n"',
    "line feed": 'Digest realm="r",\n nonce="n"',
    "carriage return": 'Digest realm="r\r", nonce="n"',
    "header injected": 'Digest realm="r", nonce="n"\r\nVia: x',
    "escaped line break": 'Digest realm="r\\\n", nonce="n"',
    "NUL": 'Digest realm="r\0", nonce="n"',
    "open quote": 'Digest realm="r, nonce="n"',
    "no comma": 'Digest realm="r" nonce="n"',
    "two challenges": 'Digest realm="r", nonce="n", Digest realm="s", nonce="m"',
    "oversized": f'Digest realm="r", nonce="{"n" * 2048}"',
    "oversized part": f'Digest realm="r", nonce="{"n" * 1025}"',
    "no value": "Digest realm=, nonce=n",
}
UNSUPPORTED_CHALLENGES = {
    "unknown qop": 'Digest realm="r", nonce="n", qop="magic"',
    "auth-int alone": 'Digest realm="r", nonce="n", qop="auth-int"',
    "empty qop": 'Digest realm="r", nonce="n", qop=""',
    "session": 'Digest realm="r", nonce="n", algorithm=MD5-sess, qop="auth"',
    "unknown algorithm": 'Digest realm="r", nonce="n", algorithm=MD4',
    "SHA without qop": 'Digest realm="r", nonce="n", algorithm=SHA-256',
}


@pytest.mark.parametrize("text", REFUSED_CHALLENGES.values(), ids=REFUSED_CHALLENGES)
def test_a_malformed_challenge_is_refused(text):
    with pytest.raises(MalformedDigest) as refusal:
        read_challenge(text)
    assert not isinstance(refusal.value, UnsupportedDigest)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("text", UNSUPPORTED_CHALLENGES.values(), ids=UNSUPPORTED_CHALLENGES)
def test_a_challenge_for_something_else_is_refused(text):
    with pytest.raises(UnsupportedDigest):
        read_challenge(text)


CREDENTIALS = (
    'Digest username="alice", realm="r", nonce="n", uri="sip:x", response="0a", qop=auth, nc=00000001, cnonce="c"'
)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ('username="alice", ', ""),
        ('uri="sip:x", ', ""),
        ('response="0a"', 'response="xyz"'),
        ("nc=00000001", "nc=1"),
        ("nc=00000001, ", ""),
        (', cnonce="c"', ""),
        ("qop=auth", "qop=auth-int"),
        ('realm="r"', 'realm="r", realm="r"'),
        ("Digest", "Bearer"),
    ],
)
def test_malformed_credentials_are_refused(part, other):
    read_credentials(CREDENTIALS)
    with pytest.raises(MalformedDigest):
        read_credentials(CREDENTIALS.replace(part, other))


CHALLENGE = read_challenge('Digest realm="sip.test", nonce="n1", qop="auth", algorithm=SHA-256')


def valid(header, challenge=CHALLENGE, **changes):
    fields = {"username": "alice", "password": "pw", "method": "INVITE", "uri": "sip:bob@sip.test"} | changes
    password = fields.pop("password")
    ha1 = digest.secret_half(challenge.algorithm, username=fields["username"], realm=challenge.realm, password=password)
    return digest.is_answered_by(challenge, read_credentials(header), ha1=ha1, **fields)


def test_a_true_answer_is_valid():
    assert valid(answered(CHALLENGE))
    assert valid(answered(CHALLENGE).replace("nc=0000000a", "nc=0000000A")) is False  # it is hashed as it is written


@pytest.mark.parametrize(
    "changes",
    [{"username": "bob"}, {"password": "other"}, {"method": "BYE"}, {"uri": "sip:eve@sip.test"}],
)
def test_an_answer_to_something_else_is_not(changes):
    assert not valid(answered(CHALLENGE), **changes)


@pytest.mark.parametrize(
    "asked",
    [
        'Digest realm="other", nonce="n1", qop="auth", algorithm=SHA-256',
        'Digest realm="sip.test", nonce="n2", qop="auth", algorithm=SHA-256',
        'Digest realm="sip.test", nonce="n1", qop="auth", algorithm=MD5',
        'Digest realm="sip.test", nonce="n1"',
    ],
)
def test_an_answer_to_another_challenge_is_not(asked):
    assert not valid(answered(CHALLENGE), read_challenge(asked))


def test_an_answer_without_qop_to_a_challenge_that_has_it_is_not():
    asked = read_challenge('Digest realm="sip.test", nonce="n1", qop="auth"')
    weaker = read_challenge('Digest realm="sip.test", nonce="n1"')
    assert valid(answered(weaker), weaker)
    assert not valid(answered(weaker), asked)


TEXTS = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters=[chr(code) for code in [*range(32), 127]])
)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    for prefix in ("", "Digest ", 'Digest realm="r", nonce="n", '):
        try:
            read_challenge(prefix + text)
        except MalformedDigest:
            continue


@given(realm=TEXTS, nonce=TEXTS.filter(bool), opaque=st.none() | TEXTS, qop=st.booleans(), stale=st.booleans())
def test_what_is_written_is_read_back(realm, nonce, opaque, qop, stale):
    parts = [f"realm={digest.quoted(realm)}", f"nonce={digest.quoted(nonce)}", f"stale={str(stale).lower()}"]
    parts += [f"opaque={digest.quoted(opaque)}"] if opaque is not None else []
    parts += ['qop="auth"'] if qop else []
    challenge = read_challenge("Digest " + ", ".join(parts))
    assert challenge == Challenge(realm, nonce, "MD5", False, qop, opaque, stale)
    credentials = read_credentials(answered(challenge, username=realm))
    assert (credentials.username, credentials.realm, credentials.nonce) == (realm, realm, nonce)
    assert (credentials.cnonce is not None) == qop


@given(st.text(max_size=40))
def test_a_quoted_text_never_breaks_out(text):
    try:
        written = digest.quoted(text)
    except ValueError:
        return
    assert not set(written) & {"\r", "\n", "\0"}
    challenge = read_challenge(f'Digest realm={written}, nonce="n"')
    assert (challenge.realm, challenge.nonce) == (text, "n")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Digest realm="a, b", nonce=n,Digest  Realm = "c" ,nonce=m', 2),
        ('Digest realm="a\\", Digest b", nonce=n', 1),
        ('Negotiate, NTLM abc==, Basic realm="x", , Digest realm="a",, nonce=n', 4),
        ("", 0),
    ],
)
def test_challenges_that_are_joined_by_comma(header, expected):
    assert len(split_challenges(header)) == expected


@given(st.text(st.sampled_from('ab =,"\\\r\t')))
def test_splitting_never_makes_a_challenge_readable_that_holds_a_line_break(text):
    joined = f'Digest realm="r", nonce="n", x={text}'
    for part in split_challenges(joined)[:1]:
        if "\r" in part:
            with pytest.raises(MalformedDigest):
                read_challenge(part)


@pytest.mark.parametrize("hostile", ['\\"', '"', '",', '"a', ","])
def test_splitting_reads_each_character_a_bounded_number_of_times(hostile):
    started = time.perf_counter()
    split_challenges('Digest realm="' + hostile * 32_768)
    assert time.perf_counter() - started < 2  # half a minute if each quote looked for its end
