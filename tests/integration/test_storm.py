"""Many clients connect at once to a real process, as after a restart."""

import asyncio
import json

from websockets.asyncio.client import connect

from tests.support.gateway_process import DEADLINE, GatewayProcess, standalone
from tests.support.websocket_client import trusting

CLIENTS = 400


async def come(gateway, tls):
    """Connect once, no second try, and return what is said first."""
    url = f"wss://localhost:{gateway.port}/?token=s3cret-user"
    async with connect(url, ssl=tls, open_timeout=DEADLINE, ping_interval=None) as client:
        return json.loads(await client.recv())["op"]


async def storm(gateway, tls):
    return await asyncio.gather(*(come(gateway, tls) for _ in range(CLIENTS)))


async def listen(gateway, tls, storm):
    """Publish and receive one event after the other while the clients connect; return the number."""
    url = f"wss://localhost:{gateway.port}/?token=s3cret-user"
    async with connect(url, ssl=tls, ping_interval=None) as client:
        for text in ('{"op": "subscribe", "data": {"event_name": "*"}}', '{"op": "start"}'):
            await client.send(text)
        while json.loads(await client.recv())["op"] != "start":
            pass
        count = 0
        coming = asyncio.ensure_future(storm)
        while not coming.done():
            body = await asyncio.to_thread(gateway.publish, "e")
            assert await client.recv() == body
            count += 1
        return await coming, count


def test_all_who_knock_at_once_are_let_in_and_those_inside_go_on_hearing(tmp_path):
    limits = "limits: {pending_handshakes: 40, pending_per_address: 20}\n"
    tls = trusting()
    with GatewayProcess(tmp_path, standalone(tmp_path) + limits) as gateway:
        gateway.ready()
        said, heard = asyncio.run(listen(gateway, tls, storm(gateway, tls)))
    assert said == ["init"] * CLIENTS
    assert heard > 1
    assert "was rejected" not in gateway.log
