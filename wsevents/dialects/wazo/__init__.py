"""Wazo's WebSocket protocol, versions 1 and 2. `docs/protocol/wazo.md` describes it."""

from wsevents.dialects.wazo.dialect import WazoDialect

__all__ = ["WazoDialect"]
