"""Twisted clients of the dialects, for programs of one's own: see `docs/protocol/innovaphone.md`."""

from wsevents.client.appwebsocket import AppWebsocketClient
from wsevents.client.backoff import Backoff
from wsevents.client.connection import Ending, NotOpenError
from wsevents.codec.appwebsocket import Login, SessionKey

__all__ = ["AppWebsocketClient", "Backoff", "Ending", "Login", "NotOpenError", "SessionKey"]
