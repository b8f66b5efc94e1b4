"""VoIPBIN's WebSocket protocol: `docs/protocol/voipbin.md`."""

from wsevents.dialects.voipbin.dialect import VoipbinDialect

__all__ = ["VoipbinDialect"]
