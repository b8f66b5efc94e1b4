"""iSymphony's Event API. `docs/protocol/isymphony.md` describes it."""

from wsevents.dialects.isymphony.dialect import IsymphonyDialect

__all__ = ["IsymphonyDialect"]
