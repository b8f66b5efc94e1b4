"""The other end of an AppWebsocket client: a small server of the `websockets` library, in a thread."""

import json
import threading

import pytest
from twisted.internet.defer import DeferredQueue
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from wsevents.dialects.innovaphone.login import AppLogin


class FarEnd:
    """Does with each connection what the next of `scripts` says; the last one again and again.

    Attributes:
        url: where it is.
        heard: what the scripts have noted, for a test that waits in the reactor.
        scripts: functions of a `SessionInfo`.
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
            script(SessionInfo(self, socket))
        except ConnectionClosed as closed:
            self.note(("closed", closed.rcvd.code if closed.rcvd else None))

    def note(self, what):
        """Tell the test."""
        self._reactor.callFromThread(self.heard.put, what)

    def stop(self):
        self._server.shutdown()
        self._thread.join()


class SessionInfo:
    """One connection of a client, as a script sees it."""

    CHALLENGE = "8675309012345678"

    def __init__(self, end, socket):
        self.end, self.socket = end, socket
        self.note = end.note

    def say(self, **fields):
        self.socket.send(json.dumps(fields))

    def ask(self, mt):
        """Wait for a message of this type; return it."""
        message = json.loads(self.socket.recv())
        assert message["mt"] == mt, message
        return message

    def log_in(self, password="pwd", challenge=CHALLENGE):
        """Let the client in if its password is right; return what it said."""
        self.ask("AppChallenge")
        self.say(mt="AppChallengeResult", challenge=challenge)
        said = self.ask("AppLogin")
        info = json.dumps(said["info"], separators=(",", ":"), ensure_ascii=False) if "info" in said else None
        login = AppLogin(*(said[key] for key in ("app", "domain", "sip", "guid", "dn")), info)
        right = said["digest"] == login.digest(str(challenge), password)
        self.say(mt="AppLoginResult", **({"ok": True} if right else {}))
        return said

    def stay(self):
        """Note all that comes, until the client goes."""
        while True:
            self.note(self.socket.recv())


def welcoming(visit):
    """Let the client in and note what it says."""
    visit.note(visit.log_in())
    visit.stay()


@pytest.fixture
def far_end():
    """Make one with these scripts."""
    ends = []

    def make(*scripts):
        ends.append(FarEnd(*scripts or (welcoming,)))
        return ends[-1]

    yield make
    for end in ends:
        end.stop()
