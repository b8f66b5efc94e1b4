"""Prints events until the gateway closes the connection, then the reason. Needs `pip install websockets`."""

import asyncio
import json
import ssl
import sys

import websockets


async def main(url):
    context = ssl.create_default_context()
    if "localhost" in url:  # the embedded default's certificate is self-signed
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with websockets.connect(url, ssl=context) as socket:
        for command in ({"op": "subscribe", "data": {"event_name": "*"}}, {"op": "start"}):
            await socket.send(json.dumps(command))
        try:
            async for text in socket:
                message = json.loads(text)
                if message["op"] == "event":
                    print(message["data"]["name"], flush=True)
        except websockets.ConnectionClosedError:
            pass
        print("closed:", socket.close_code, socket.close_reason)


asyncio.run(main(sys.argv[1]))
