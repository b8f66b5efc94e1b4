"""Twisted clients of the dialects, for programs of one's own: see their pages in `docs/protocol/`."""

from wsevents.client.appwebsocket import AppWebsocketClient
from wsevents.client.backoff import Backoff
from wsevents.client.connection import Ending, NotOpenError
from wsevents.client.wazo import WazoClient
from wsevents.dialects.innovaphone.login import Login, SessionKey

__all__ = ["AppWebsocketClient", "Backoff", "Ending", "Login", "NotOpenError", "SessionKey", "WazoClient"]
