"""Prints events of Wazo on Twisted, with the client in wsevents.

TOKEN=… python wazo_twisted.py wss://HOST/api/websocketd/ EVENT …
"""

import os
import sys

from twisted.internet import reactor

from wsevents.client import WazoClient

URL, *NAMES = sys.argv[1:]
client = WazoClient(f"{URL}?version=2", os.environ["TOKEN"], NAMES)


@client.on_open
def opened(client):
    """Request the current state from the REST APIs here: earlier events are not sent."""
    print("listening", flush=True)


@client.on_event
def handle(client, event):
    """Process an event here."""
    print(event["name"], flush=True)


@client.on_close
def closed(client, ending, seconds):
    """Print the reason. The client reconnects after these seconds; None: it does not reconnect."""
    if ending.code is None:
        print("not connected:", ending.why, flush=True)
    else:
        print("closed:", ending.code, ending.reason, flush=True)


client.finished.addCallback(lambda ending: reactor.stop())
client.start()
reactor.run()
