"""Prints events of Wazo until it is stopped, on Twisted. Needs `pip install autobahn[twisted] pyOpenSSL`.

TOKEN=… python wazo_twisted.py wss://HOST/api/websocketd/ EVENT …
"""

import json
import os
import sys
from urllib.parse import urlsplit

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from twisted.internet import reactor
from twisted.internet.protocol import ReconnectingClientFactory
from twisted.internet.ssl import optionsForClientTLS

URL, *NAMES = sys.argv[1:]
USELESS = {1002, 1007, 1008, 1009, 4001, 4002, 4003, 4004}  # the token is never another one here


class Listener(WebSocketClientProtocol):
    """One connection; autobahn answers pings."""

    def onOpen(self):
        for name in NAMES:
            self.say("subscribe", {"event_name": name})
        self.say("start")

    def say(self, op, data=None):
        self.sendMessage(json.dumps({"op": op, "data": data}).encode())

    def onMessage(self, payload, isBinary):
        message = json.loads(payload)
        if message["op"] == "start":
            self.factory.resetDelay()
            print("listening", flush=True)
        elif message["op"] == "event":
            print(message["data"]["name"], flush=True)

    def onClose(self, wasClean, code, reason):
        print("closed:", code, reason, flush=True)
        if code in USELESS:
            self.factory.stopTrying()
            reactor.stop()


class Factory(WebSocketClientFactory, ReconnectingClientFactory):
    """Connects again after 1 s, 2.7 s, 7.4 s … by chance somewhat more or less, at most a minute."""

    protocol = Listener
    maxDelay = 60
    jitter = 0.3


factory = Factory(f"{URL}?version=2", headers={"X-Auth-Token": os.environ["TOKEN"]})
factory.setProtocolOptions(autoPingInterval=30, autoPingTimeout=10)
connectWS(factory, optionsForClientTLS(urlsplit(URL).hostname))
reactor.run()
