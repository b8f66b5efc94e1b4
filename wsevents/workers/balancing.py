"""Which worker gets the next connection.

Rule 1: one that answers, if any does; the peer would wait in vain with one that is stuck.
Rule 2: of these one that hears the bus, if any does; else the peer would be sent away at once.
Rule 3: of these the one with the fewest connections, so that they even out also after one was started again.
Rule 4: nobody is let in before each worker has been ready once, or has ended: the first would get all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable


@define
class WorkerLoad:
    """What one worker has.

    Attributes:
        answers: whether it does when it is asked how it is.
        hears: whether its bus is up.
        connections: how many it has, those on their way included.
    """

    answers: bool = True
    has_bus: bool = False
    connections: int = 0


def _numbers(workers: Iterable[int]) -> set[int]:
    return set(workers)


@define
class Balancer:
    """Who has how much.

    Attributes:
        awaited: workers, by number, that were not yet heard of.
        shares: those that take connections.
    """

    awaited: set[int] = field(converter=_numbers)
    shares: dict[int, WorkerLoad] = field(init=False, factory=dict)

    def ready(self, worker: int) -> None:
        """It takes connections from now on."""
        self.awaited.discard(worker)
        self.shares[worker] = WorkerLoad()

    def ended(self, worker: int) -> None:
        """It takes none any more, and those that it had are gone."""
        self.awaited.discard(worker)
        self.shares.pop(worker, None)

    def answers(self, worker: int, answers: bool) -> None:
        """It answers, or seems to be stuck."""
        if worker in self.shares:
            self.shares[worker].answers = answers

    def has_bus(self, worker: int, up: bool) -> None:
        """Its bus is up, or is lost."""
        if worker in self.shares:
            self.shares[worker].has_bus = up

    def took(self, worker: int) -> None:
        """It was given a connection."""
        self.shares[worker].connections += 1

    def lost(self, worker: int) -> None:
        """One of its connections has ended."""
        if worker in self.shares:
            self.shares[worker].connections -= 1

    @property
    def open(self) -> bool:
        """Whether somebody may be let in."""
        return bool(self.shares) and not self.awaited

    def choose(self) -> int | None:
        """Return who is to get the next connection, or None: nobody can."""
        if not self.open:
            return None
        return min(self.shares, key=self._order)

    def _order(self, worker: int) -> tuple[bool, bool, int, int]:
        share = self.shares[worker]
        return not share.answers, not share.has_bus, share.connections, worker
