"""Prints events of Wazo until it is stopped. Needs `pip install websockets`.

WAZO_USER=… WAZO_PASSWORD=… python wazo.py wss://HOST/api/websocketd/ https://HOST/api/auth/0.1/token EVENT …
"""

import asyncio
import base64
import json
import os
import random
import sys
import time
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from websockets import ConnectionClosed, InvalidHandshake
from websockets.asyncio.client import connect

USELESS = {  # code and reason of a close frame after which another attempt would end the same way
    (1002, ""),
    (1007, ""),
    (1008, "ended by an administrator"),
    (1008, "authentication timeout"),
    (1009, ""),
    (4001, "no token"),
    (4004, ""),
}
LONGEST = 60  # seconds to wait before another try


def new_token(auth):
    """Log in; return the token, and when it ends in seconds since 1970."""
    login = f"{os.environ['WAZO_USER']}:{os.environ['WAZO_PASSWORD']}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
        "Content-Type": "application/json",
    }
    with urlopen(Request(auth, b'{"expiration": 7200}', headers), timeout=10) as answer:
        data = json.load(answer)["data"]
    return data["token"], datetime.fromisoformat(data["utc_expires_at"]).replace(tzinfo=UTC).timestamp()


def catch_up():
    """Ask the REST APIs for the present state here: events of the time before are gone."""
    print("listening", flush=True)


def handle(event):
    """Do what is to be done about an event; be quick, as the next ones wait meanwhile."""
    print(event["name"], flush=True)


async def renew(socket, auth, ends):
    """Send a new token when half of the old one's time is over; again and again."""
    while True:
        await asyncio.sleep(max(1, (ends - time.time()) / 2))
        try:
            token, ends = await asyncio.to_thread(new_token, auth)
        except OSError:
            continue  # the old one is still good for as long again
        await socket.send(json.dumps({"op": "token", "data": {"token": token}}))


async def listen(url, auth, names):
    """Connect and handle events until the end; return the close code and the reason."""
    token, ends = await asyncio.to_thread(new_token, auth)
    # The library answers the gateway's pings, and sends some itself.
    async with connect(f"{url}?version=2", additional_headers={"X-Auth-Token": token}) as socket:
        renewal = asyncio.create_task(renew(socket, auth, ends))
        try:
            for name in names:
                await socket.send(json.dumps({"op": "subscribe", "data": {"event_name": name}}))
            await socket.send(json.dumps({"op": "start"}))
            while True:
                message = json.loads(await socket.recv())
                if message["op"] == "start":
                    catch_up()
                elif message["op"] == "event":
                    handle(message["data"])
        except ConnectionClosed:
            return socket.close_code, socket.close_reason
        finally:
            renewal.cancel()


async def main(url, auth, *names):
    """Listen for ever; stop only where another try would be useless."""
    tries = 0
    while True:
        began = time.monotonic()
        try:
            code, reason = await listen(url, auth, names)
        except (OSError, InvalidHandshake) as error:
            print("not connected:", error, flush=True)
            if isinstance(error, HTTPError) and error.code == 401:
                sys.exit("wrong user or password")
        else:
            print("closed:", code, reason, flush=True)
            if (code, reason) in USELESS:
                sys.exit(1)
        tries = 1 if time.monotonic() - began > LONGEST else tries + 1
        # By chance, or all clients of a gateway that was restarted would come back at the same moment.
        await asyncio.sleep(random.uniform(0, min(LONGEST, 2**tries)))


asyncio.run(main(*sys.argv[1:]))
