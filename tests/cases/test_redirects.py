"""Redirects that an API action follows, as browsers and other clients follow them."""

import json

import pytest

from tests.peers.upstreams import answering, http
from tests.support.things import VALUE, make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

SENT = '{"a": 1}'
KEPT = ("POST", SENT)
AS_GET = ("GET", "")
REDIRECTS = {
    "R01": (308, b"/r/", "/r/", KEPT),
    "R01-307": (307, b"/r/", "/r/", KEPT),
    "R01-relative": (308, b"r/?a=1", "/r/?a=1", KEPT),
    "R01-query-alone": (307, b"?page=2", "/r?page=2", KEPT),
    "R01-absolute": (308, b"http://{host}/r/", "/r/", KEPT),
    "R01-301": (301, b"/r/", "/r/", AS_GET),
    "R01-302": (302, b"/r/", "/r/", AS_GET),
    "R01-303": (303, b"/r/", "/r/", AS_GET),
    "R03": (308, b"/my file.pdf", "/my%20file.pdf", KEPT),
    "R03-query": (307, b"/f?q=my file&x=1", "/f?q=my%20file&x=1", KEPT),
    "R03-at-the-end": (307, b"/f ", "/f", KEPT),
    "R03-utf-8": (307, "/Grüße/Öl.pdf".encode(), "/Gr%C3%BC%C3%9Fe/%C3%96l.pdf", KEPT),
    "R03-latin-1": (307, "/Grüße".encode("latin-1"), "/Gr%FC%DFe", KEPT),
    "R03-encoded-already": (307, b"/my%20file%2Fa.pdf", "/my%20file%2Fa.pdf", KEPT),
    "R03-brackets": (307, b"/f[1]?a[]=1|2", "/f%5B1%5D?a%5B%5D=1%7C2", KEPT),
    "R03-fragment": (307, b"/f#my part", "/f", KEPT),
}


@pytest.mark.parametrize(("status", "location", "target", "sent"), REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_inside_the_origin_is_followed(owner, caller, status, location, target, sent):
    seen = []

    def answer(request, connection):
        seen.append(request.decode())
        host = request.partition(b"Host: ")[2].partition(b"\r\n")[0]
        line = b"Location: " + location.replace(b"{host}", host)
        head = b"HTTP/1.1 %d Moved\r\nContent-Length: 0\r\nConnection: close\r\n" % status
        connection.sendall(head + line + b"\r\n\r\n" if len(seen) == 1 else http(b"{}"))

    store_secret(owner)
    body = {"type": "json", "content": SENT}
    with answering(answer) as url:
        action = make_action(owner, base_url=url, method="POST", path="/r", body=body, follow_redirects=True)
        result = caller.call("POST", f"/integrations/{action.id}/run", {"environment": "staging"}).json()
    assert (len(seen), result.get("outcome")) == (2, "succeeded"), json.dumps(result)
    method, reached, _ = seen[1].split(" ", 2)
    assert (method, reached, seen[1].partition("\r\n\r\n")[2]) == (sent[0], target, sent[1])
    assert VALUE in seen[1].partition("\r\n\r\n")[0]
