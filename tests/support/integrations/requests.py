"""Short ways to write request templates and values; no tests here."""

from hypothesis import strategies as st

from integrations.exchange.messages import FormBody, Pair, RequestTemplate, TextBody
from integrations.templating.json_body import parse_json_body
from integrations.templating.placeholders import parse
from secrets_app.plaintext import Plaintext


def words(text: str) -> list[str]:
    return text.split()


def pairs(**values: str) -> tuple[Pair, ...]:
    return tuple(Pair(name.replace("_", "-"), parse(value)) for name, value in values.items())


def values(**texts: str) -> dict[str, Plaintext]:
    return {name: Plaintext(text) for name, text in texts.items()}


def make(path: str = "/x", *, base_url: str = "https://api.example.com/v1", **parts: object) -> RequestTemplate:
    return RequestTemplate(**{"method": "POST", "base_url": base_url, "path": parse(path), **parts})


def json_body(text: str):
    return parse_json_body(text)


def form_body(**fields: str) -> FormBody:
    return FormBody(pairs(**fields))


def text_body(text: str) -> TextBody:
    return TextBody(parse(text))


ANYTHING = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["{secrets.other}", "{params.b}", "\r\n", "..", "/", "?", "#", "@evil.com", '"}', "&x=1", "%2e%2e", "\\"]
)
HOSTILE_TEXTS = st.lists(ANYTHING, max_size=4).map("".join)
