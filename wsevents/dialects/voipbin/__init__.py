"""VoIPBIN's WebSocket protocol. `docs/protocol/voipbin.md` describes it."""

from wsevents.dialects.voipbin.dialect import VoipbinDialect

__all__ = ["VoipbinDialect"]
