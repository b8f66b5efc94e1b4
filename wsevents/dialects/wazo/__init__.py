"""Wazo's protocol, versions 1 and 2: `docs/protocol/wazo.md`."""

from wsevents.dialects.wazo.dialect import WazoDialect

__all__ = ["WazoDialect"]
