"""Reference-counted bindings: the bus has a binding as long as an interest of at least one peer needs it.

The operations on one binding run one after the other, also when peers subscribe and leave fast.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from wsevents.api.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Collection

    from wsevents.api.events import Binding
    from wsevents.api.interfaces import IBus

_log = Logger()


@define(eq=False)
class Bindings:
    """Counts the interests that need each binding, and binds and unbinds on the bus accordingly."""

    bus: IBus
    _needed: Counter[Binding] = field(init=False, factory=Counter)
    _bound: set[Binding] = field(init=False, factory=set)
    _locks: dict[Binding, DeferredLock] = field(init=False, factory=dict)

    def change(self, added: Collection[Binding], removed: Collection[Binding]) -> Deferred[bool]:
        """Count added and removed bindings. Fires with whether all added ones are live; never fails."""
        self._needed.update(added)
        self._needed.subtract(removed)
        return Deferred.fromCoroutine(self._settle([*added], [*removed]))

    async def _settle(self, added: list[Binding], removed: list[Binding]) -> bool:
        for binding in removed:
            await self._adjust(binding)
        live = [await self._adjust(binding) for binding in added]
        return all(live)

    async def _adjust(self, binding: Binding) -> bool:
        """Bind or unbind as the count requires, after earlier operations; return whether it succeeded."""
        lock = self._locks.setdefault(binding, DeferredLock())
        await lock.acquire()
        try:
            needed = self._needed[binding] > 0
            if needed and binding not in self._bound:
                self._bound.add(binding)
                await self.bus.bind(binding)
            elif not needed and binding in self._bound:
                self._bound.discard(binding)
                await self.bus.unbind(binding)
        except BusError as error:
            self._bound.discard(binding)
            _log.info("changing a binding failed: {error}", error=error)
            return False
        except Exception:  # noqa: BLE001 a third-party bus may raise any exception
            self._bound.discard(binding)
            _log.failure("the bus raised an unexpected exception")
            return False
        finally:
            lock.release()
            self._forget(binding, lock)
        return True

    def _forget(self, binding: Binding, lock: DeferredLock) -> None:
        if self._needed[binding] <= 0:
            del self._needed[binding]
            if not lock.locked:
                self._locks.pop(binding, None)
