"""A mail server on loopback that takes or refuses mail, as its test says."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

REFUSED = {"MAIL": b"550 5.7.1 no", "RCPT": b"550 5.1.1 unknown", "DATA": b"554 5.6.0 no"}


class Mailbox(socketserver.ThreadingTCPServer):
    """The mails that were taken; `refuses` is a command that it answers with an error."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.taken: list[str] = []
        self.refuses = ""


class Conversation(socketserver.StreamRequestHandler):
    """One connection of a client (RFC 5321)."""

    server: Mailbox

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def handle(self) -> None:
        self.say(b"220 loopback")
        for line in self.rfile:
            command = line[:4].decode("latin-1").upper()
            if command == self.server.refuses:
                self.say(REFUSED[command])
            elif command == "DATA":
                self.say(b"354 go on")
                self.server.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self.say(b"250 taken")
            else:
                self.say(b"221 bye" if command == "QUIT" else b"250 ok")
            if command == "QUIT":
                return


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Serve on a free port."""
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
