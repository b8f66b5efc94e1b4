"""innovaphone's AppWebsocket protocol, with events for apps: `docs/protocol/innovaphone.md`."""

from wsevents.dialects.innovaphone.dialect import InnovaphoneDialect

__all__ = ["InnovaphoneDialect"]
