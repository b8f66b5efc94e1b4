"""A fake of a gateway's status listener: real HTTP, with sessions that a test sets."""

import json

from pytest_twisted import async_yield_fixture
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import Site

UUID = "7f523550-03cf-4dac-a858-cb8afdb34775"
TENANT = "29aefc85-7bd1-4d46-bd2f-22a9e6b12bd3"


def session(id="1-1", **fields):
    """Return a session in the JSON form of the listener."""
    return {
        "id": id,
        "dialect": "wazo",
        "user": UUID,
        "tenant": TENANT,
        "address": "192.0.2.7",
        "port": 54321,
        "since": 1_700_000_000.5,
        "subscriptions": ["call_created", "*"],
        "received": 3,
        "delivered": 1284,
        "queue": 0,
        "peak": 2180,
        "behind": False,
        "expires": None,
    } | fields


def closed(id="1-0", **fields):
    """Return a closed session."""
    kept = {k: v for k, v in session(id).items() if k not in {"queue", "behind", "subscriptions"}}
    return (
        kept
        | {
            "closed": 1_700_000_600.0,
            "code": 4003,
            "meaning": "The token has expired or was revoked.",
            "why": "revoked",
        }
        | fields
    )


class StatusListener(Resource):
    """Implements the listener's HTTP API; `requests` has the received requests."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.sessions, self.closed, self.requests = [], [], []
        self.answer = None

    def render(self, request):
        body = request.content.read()
        path = request.path.decode()
        query = {key.decode(): values[0].decode() for key, values in request.args.items()}
        self.requests.append((request.method.decode(), path, query, json.loads(body) if body else None))
        status, said = self.answer or self._decide(path, query, body)
        request.setResponseCode(status)
        return said if isinstance(said, bytes) else json.dumps(said).encode()

    def _decide(self, path, query, body):
        if path == "/sessions":

            def fits(one):
                return all(one[key] == value for key, value in query.items())

            return 200, {
                "sessions": [one for one in self.sessions if fits(one)],
                "closed": [one for one in self.closed if fits(one)],
            }
        order = json.loads(body)
        found = [one for one in self.sessions if all(one[key] == value for key, value in order.items())]
        if "id" in order and not found:
            return 404, {"error": f"there is no session {order['id']}"}
        return 200, {"kicked": len(found)}


class Listening:
    """The listener and its port."""

    def __init__(self, resource, port):
        self.resource, self.port = resource, port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port.getHost().port}"


async def listen(endpoint):
    """Return a listener on an endpoint string."""
    from twisted.internet import reactor

    resource = StatusListener()
    site = Site(resource)
    site.noisy = False
    return Listening(resource, await serverFromString(reactor, endpoint).listen(site))


@async_yield_fixture
async def listener():
    """A status listener on a free port."""
    listening = await listen("tcp:0:interface=127.0.0.1")
    yield listening
    await listening.port.stopListening()
