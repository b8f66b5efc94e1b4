"""A small AppWebsocket server of the `websockets` library in a thread, for tests of the client."""

import json
import threading

import pytest
from twisted.internet.defer import DeferredQueue
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from wsevents.dialects.innovaphone.login import AppLogin


class FarEnd:
    """Runs the next of `scripts` for each connection, and the last one for all further connections.

    Attributes:
        url: of the server.
        `heard`: queue of the values that the scripts pass to `note`; a test awaits them in the reactor.
        scripts: functions of a `ServerSession`.
    """

    def __init__(self, *scripts):
        from twisted.internet import reactor

        self._reactor = reactor
        self.scripts, self.heard = list(scripts), DeferredQueue()
        self._server = serve(self._serve, "127.0.0.1", 0, max_size=None, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/PBX0/APPS/websocket"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _serve(self, socket):
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            script(ServerSession(self, socket))
        except ConnectionClosed as closed:
            self.note(("closed", closed.rcvd.code if closed.rcvd else None))

    def note(self, what):
        """Pass a value to the test."""
        self._reactor.callFromThread(self.heard.put, what)

    def stop(self):
        self._server.shutdown()
        self._thread.join()


class ServerSession:
    """One connection of a client, for a script."""

    CHALLENGE = "8675309012345678"

    def __init__(self, end, socket):
        self.end, self.socket = end, socket
        self.note = end.note

    def say(self, **fields):
        self.socket.send(json.dumps(fields))

    def ask(self, mt):
        """Wait for a message of this type and return it."""
        message = json.loads(self.socket.recv())
        assert message["mt"] == mt, message
        return message

    def log_in(self, password="pwd", challenge=CHALLENGE):
        """Perform the login with this password; return the client's message."""
        self.ask("AppChallenge")
        self.say(mt="AppChallengeResult", challenge=challenge)
        said = self.ask("AppLogin")
        info = json.dumps(said["info"], separators=(",", ":"), ensure_ascii=False) if "info" in said else None
        login = AppLogin(*(said[key] for key in ("app", "domain", "sip", "guid", "dn")), info)
        right = said["digest"] == login.digest(str(challenge), password)
        self.say(mt="AppLoginResult", **({"ok": True} if right else {}))
        return said

    def stay(self):
        """Note each message until the client disconnects."""
        while True:
            self.note(self.socket.recv())


def welcoming(visit):
    """Accept the login and note each message."""
    visit.note(visit.log_in())
    visit.stay()


@pytest.fixture
def far_end():
    """A function that starts a server with these scripts."""
    ends = []

    def make(*scripts):
        ends.append(FarEnd(*scripts or (welcoming,)))
        return ends[-1]

    yield make
    for end in ends:
        end.stop()
