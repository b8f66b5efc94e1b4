"""A blocking WebSocket client on top of the `websockets` library."""

import asyncio
import ssl

from websockets.asyncio.client import connect


class Client:
    """One connection; its event loop runs while a method does.

    The library's own blocking client reads and writes one TLS connection from two threads. Python 3.11
    does not lock it: about one handshake in a thousand is lost, or the heap is.
    """

    def __init__(self, url, timeout, **options):
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._run(
                connect(url, open_timeout=timeout, ping_interval=None, proxy=None, **options)
            )
        except BaseException:
            self._loop.close()
            raise

    def _run(self, doing):
        async def done():
            return await doing

        return self._loop.run_until_complete(done())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message):
        """Send text or bytes. Raises websockets.ConnectionClosed."""
        self._run(self._connection.send(message))

    def recv(self, timeout):
        """Return the next message. Raises websockets.ConnectionClosed, and TimeoutError after `timeout` s."""
        return self._run(asyncio.wait_for(self._connection.recv(), timeout))

    def close(self):
        """Close the connection and wait for the close; a second call does nothing."""
        if not self._loop.is_closed():
            self._run(self._connection.close())
            self._loop.close()


def trusting():
    """Return a TLS context that accepts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
