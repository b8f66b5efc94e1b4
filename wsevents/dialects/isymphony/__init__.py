"""iSymphony's Event API: `docs/protocol/isymphony.md`."""

from wsevents.dialects.isymphony.dialect import IsymphonyDialect

__all__ = ["IsymphonyDialect"]
