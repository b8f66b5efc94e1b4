"""Twisted clients for Wazo's protocol and innovaphone's AppWebsocket; see the pages in `docs/protocol/`."""

from wsevents.client.appwebsocket import AppWebsocketClient
from wsevents.client.appwebsocket_connection import ConnectionEnd, NotOpenError
from wsevents.client.wazo import WazoClient
from wsevents.core.backoff import Backoff
from wsevents.dialects.innovaphone.login import AppLogin, SessionKey

__all__ = [
    "AppLogin",
    "AppWebsocketClient",
    "Backoff",
    "ConnectionEnd",
    "NotOpenError",
    "SessionKey",
    "WazoClient",
]
