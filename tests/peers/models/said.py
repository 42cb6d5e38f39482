"""What the stand-in says: harmless words, or its credential in every place where an answer has room."""

import base64
import json
from dataclasses import dataclass, field

CREDENTIAL = "sk-live-Zq8Lr2Xw7Vb5Nd3Kt9Mf4Hs6Jp1Gc0Ry"
HARMLESS = "The next free appointment is on Thursday at 10:40."
PIECE = 3
"""Characters of a delta: language models answer in pieces of about this length."""


@dataclass
class Said:
    """What the answers of one stand-in are made of.

    Attributes:
        echoes: whether each answer holds the credential instead of harmless words.
        asked: what was asked, each as its method, path and what arrived.
        flooded: the bytes that a WebSocket has got rid of.
        ended: the calls that the caller broke off.
    """

    echoes: bool = False
    asked: list[tuple[str, str, object]] = field(default_factory=list)
    flooded: int = 0
    ended: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"Your key is {CREDENTIAL}, keep it." if self.echoes else HARMLESS

    @property
    def deltas(self) -> list[str]:
        return [self.text[start : start + PIECE] for start in range(0, len(self.text), PIECE)]

    @property
    def arguments(self) -> str:
        """Of a tool call, as JSON."""
        return json.dumps({"day": "Thursday", "token": CREDENTIAL if self.echoes else "none"})

    @property
    def argument_deltas(self) -> list[str]:
        return [self.arguments[start : start + PIECE] for start in range(0, len(self.arguments), PIECE)]

    @property
    def audio(self) -> bytes:
        """Bytes that no character set reads."""
        sound = bytes(range(256)) * 40
        return sound + CREDENTIAL.encode() + sound if self.echoes else sound * 2

    @property
    def audio_base64(self) -> str:
        return base64.b64encode(self.audio).decode()

    @property
    def headers(self) -> dict[str, str]:
        told = {"X-Request-Id": "req_7", "OpenAI-Processing-Ms": "4"}
        return told | ({"X-Debug-Key": CREDENTIAL, "Set-Cookie": f"k={CREDENTIAL}"} if self.echoes else {})

    @property
    def reason(self) -> str | None:
        return f"No {CREDENTIAL}" if self.echoes else None
