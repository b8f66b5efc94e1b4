"""Many clients of a real gateway, in a thread, so that the test itself can block."""

import asyncio
import time
from threading import Thread

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.gateway_process import DEADLINE
from tests.support.websocket_client import trusting


class Member:
    """A client that subscribes to every event.

    Attributes:
        `heard`: the received events, as text.
        code: the close code, or None while it is connected.
        ended: the time of the close.
        client: its connection.
    """

    def __init__(self):
        self.heard, self.code, self.ended, self.client = [], None, 0.0, None


class Crowd:
    """A number of clients; all are connected inside the `with` block."""

    def __init__(self, gateway, count, token="s3cret-user"):
        self.members = [Member() for _ in range(count)]
        self._url = f"wss://localhost:{gateway.port}/?token={token}"
        self._tls = trusting()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._tasks = []

    def __enter__(self):
        self._thread.start()
        self._do(self._come())
        return self

    def __exit__(self, *_):
        self._do(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(4 * DEADLINE)

    async def _come(self):
        turns = asyncio.Semaphore(50)

        async def enter(member):
            async with turns:
                client = await connect(
                    self._url, ssl=self._tls, open_timeout=DEADLINE, ping_interval=None, proxy=None
                )
                for text in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
                    await client.send(text)
                while '"start"' not in await client.recv():
                    pass
            member.client = client
            self._tasks.append(asyncio.ensure_future(self._hear(client, member)))

        await asyncio.gather(*(enter(member) for member in self.members))

    async def _hear(self, client, member):
        try:
            while True:
                member.heard.append(await client.recv())
        except ConnectionClosed as closed:
            member.code = closed.rcvd.code if closed.rcvd else 1006
            member.ended = time.monotonic()
        finally:
            await client.close()

    def ping(self):
        """Wait until the gateway has answered two consecutive pings of each connected client.

        One turn of the reactor handles all I/O that was ready at its start, in any order. So all I/O
        from before the first ping has been handled when the second ping is answered.
        """
        for _ in range(2):
            self._do(self._pinged())

    async def _pinged(self):
        here = [member.client for member in self.members if member.code is None]
        assert here
        for answer in [await client.ping() for client in here]:
            await answer

    async def _leave(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def until(self, condition):
        """Wait until a condition holds for each member; return False after the timeout."""
        end = time.monotonic() + 2 * DEADLINE
        while time.monotonic() < end:
            if all(condition(member) for member in self.members):
                return True
            time.sleep(0.02)
        return False

    @property
    def codes(self):
        """The close codes of the members; None for a connected member."""
        return {member.code for member in self.members}
