"""Print events of Wazo until the program is stopped, with the Twisted client of wsevents.

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
    """Request the current state from the REST APIs here: earlier events are not kept."""
    print("listening", flush=True)


@client.on_event
def handle(client, event):
    """Handle an event."""
    print(event["name"], flush=True)


@client.on_close
def closed(client, ending, seconds):
    """Print the reason; the client reconnects after these seconds, or not at all if None."""
    if ending.code is None:
        print("not connected:", ending.why, flush=True)
    else:
        print("closed:", ending.code, ending.reason, flush=True)


client.over.addCallback(lambda ending: reactor.stop())
client.start()
reactor.run()
