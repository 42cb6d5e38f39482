"""Whatever Cal.com answers, there is one sentence about it, and a wait that somebody can live with."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.exchange.messages import UpstreamResponse
from integrations.kinds.calcom.kind import api_url
from integrations.kinds.calcom.responses import in_one_shape, problem_of, seconds_to_wait

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "details", "x"]), inner)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [b"Retry-After", b"X-RateLimit-Remaining-Default", b"X-RateLimit-Reset-Default", b"x-request-id"]
)
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=16)), max_size=4)


def answer(status, headers=(), body=b""):
    return UpstreamResponse(status, b"", tuple(headers), body, readable=True)


@given(st.integers(300, 599), HEADERS, JSON.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=40))
def test_any_error_has_one_shape(status, headers, body):
    response = answer(status, headers, body)
    shaped = in_one_shape(response, problem_of(response, "cal.example.com"))
    error = json.loads(shaped.body)["error"]
    assert error["code"]
    assert error["message"].isprintable()
    assert shaped.status == status
    assert (b"Content-Type", b"application/json") in shaped.headers


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "0"}, 1),
        (429, {"X-RateLimit-Reset-Default": "0"}, 1),
        (429, {"Retry-After": "-5"}, 60),
        (429, {"Retry-After": "1"}, 1),
        (200, {"X-RateLimit-Remaining-Default": "0"}, 0),
        (200, {"X-RateLimit-Remaining-Default": "1", "X-RateLimit-Reset-Default": "9"}, 0),
        (200, {"X-RateLimit-Remaining-A": "0", "X-RateLimit-Reset-A": "9", "X-RateLimit-Reset-B": "99"}, 9),
        (400, {"X-RateLimit-Remaining-Default": "0", "X-RateLimit-Reset-Default": "9"}, 9),
        (429, {"X-RateLimit-Remaining-A": "0", "X-RateLimit-Reset-A": "9", "X-RateLimit-Reset-B": "99"}, 9),
        (429, {"X-RateLimit-Reset-Default": "100000000"}, 1),
    ],
)
def test_the_wait_is_what_the_limit_says(status, headers, seconds):
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert seconds_to_wait(answer(status, pairs)) == seconds


@pytest.mark.parametrize(
    ("entered", "called"),
    [
        ("https://api.cal.com", "https://api.cal.com/v2"),
        ("https://api.cal.com/v2//", "https://api.cal.com/v2"),
        ("https://cal.example.com/api/v2", "https://cal.example.com/api/v2"),
        ("https://cal.example.com/av2", "https://cal.example.com/av2/v2"),
        ("https://v2", "https://v2/v2"),
    ],
)
def test_v2_is_added_where_it_is_not(entered, called):
    assert api_url(entered) == called
