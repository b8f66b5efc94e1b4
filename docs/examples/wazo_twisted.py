"""Prints events of Wazo until it is stopped, on Twisted, by the client that comes with wsevents.

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
    """Ask the REST APIs for the present state here: events of the time before are gone."""
    print("listening", flush=True)


@client.on_event
def handle(client, event):
    """Do what is to be done about an event."""
    print(event["name"], flush=True)


@client.on_close
def closed(client, ending, seconds):
    """Tell why; it comes back by itself after so many seconds, or not at all: None."""
    if ending.code is None:
        print("not connected:", ending.why, flush=True)
    else:
        print("closed:", ending.code, ending.reason, flush=True)


client.over.addCallback(lambda ending: reactor.stop())
client.start()
reactor.run()
