"""Prints events of Wazo. Needs `pip install websockets`.

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

USELESS = {  # code and reason of close frames after which a retry fails in the same way
    (1002, ""),
    (1007, ""),
    (1008, "ended by an administrator"),
    (1008, "authentication timeout"),
    (1009, ""),
    (4001, "no token"),
    (4004, ""),
}
LONGEST = 60  # seconds to wait before a retry, at most


def new_token(auth):
    """Log in; return the token and its expiry in seconds since 1970."""
    login = f"{os.environ['WAZO_USER']}:{os.environ['WAZO_PASSWORD']}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
        "Content-Type": "application/json",
    }
    with urlopen(Request(auth, b'{"expiration": 7200}', headers), timeout=10) as answer:
        data = json.load(answer)["data"]
    return data["token"], datetime.fromisoformat(data["utc_expires_at"]).replace(tzinfo=UTC).timestamp()


def catch_up():
    """Request the current state from the REST APIs here: earlier events are not sent."""
    print("listening", flush=True)


def handle(event):
    """Process an event here; be quick, because the next events wait."""
    print(event["name"], flush=True)


async def renew(socket, auth, ends):
    """Send a new token after half of the lifetime of each token."""
    while True:
        await asyncio.sleep(max(1, (ends - time.time()) / 2))
        try:
            token, ends = await asyncio.to_thread(new_token, auth)
        except OSError:
            continue  # the old token is valid for the same time again
        await socket.send(json.dumps({"op": "token", "data": {"token": token}}))


async def listen(url, auth, names):
    """Handle events until the connection ends; return close code and reason."""
    token, ends = await asyncio.to_thread(new_token, auth)
    # The library answers the gateway's pings and sends its own.
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
    """Reconnect until a retry is useless."""
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
        # A random delay, so that the clients of a restarted gateway do not reconnect all at once.
        await asyncio.sleep(random.uniform(0, min(LONGEST, 2**tries)))


asyncio.run(main(*sys.argv[1:]))
