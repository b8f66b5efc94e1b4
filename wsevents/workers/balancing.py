"""Select the worker that gets the next connection.

Rule 1: prefer workers that respond; a connection to a hanging worker gets no answer.
Rule 2: among these, prefer workers with a connection to the bus; the others close new peers at once.
Rule 3: among these, select the worker with the fewest connections. The load evens out after a restart.
Rule 4: accept no connection until each worker has been ready once or has exited. Otherwise the worker
that is ready first gets all connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable


@define
class WorkerLoad:
    """The state of one worker that takes connections.

    Attributes:
        responding: False while the worker does not answer health requests.
        has_bus: True while the worker is connected to the bus.
        connections: number of open connections, including those in transit to the worker.
    """

    responding: bool = True
    has_bus: bool = False
    connections: int = 0


def _numbers(workers: Iterable[int]) -> set[int]:
    return set(workers)


@define
class Balancer:
    """Counts the connections of each worker, and selects the next worker.

    A call for a worker that has exited has no effect.

    Attributes:
        starting: numbers of the workers that have been neither ready nor ended yet.
        loads: the workers that take connections, by number.
    """

    starting: set[int] = field(converter=_numbers)
    loads: dict[int, WorkerLoad] = field(init=False, factory=dict)

    def ready(self, worker: int) -> None:
        """Add a worker that takes connections from now on."""
        self.starting.discard(worker)
        self.loads[worker] = WorkerLoad()

    def ended(self, worker: int) -> None:
        """Remove a worker with all its connections."""
        self.starting.discard(worker)
        self.loads.pop(worker, None)

    def set_responding(self, worker: int, responding: bool) -> None:
        """Record whether a worker answers health requests."""
        if worker in self.loads:
            self.loads[worker].responding = responding

    def set_bus(self, worker: int, up: bool) -> None:
        """Record whether a worker is connected to the bus."""
        if worker in self.loads:
            self.loads[worker].has_bus = up

    def connection_added(self, worker: int) -> None:
        """Count a connection that was sent to a worker. Raises KeyError if the worker takes none."""
        self.loads[worker].connections += 1

    def connection_closed(self, worker: int) -> None:
        """Count a connection that a worker has closed."""
        if worker in self.loads:
            self.loads[worker].connections -= 1

    @property
    def open(self) -> bool:
        """True if connections can be accepted."""
        return bool(self.loads) and not self.starting

    def choose(self) -> int | None:
        """Return the number of the worker for the next connection, or None if no worker can take it."""
        if not self.open:
            return None
        return min(self.loads, key=self._order)

    def _order(self, worker: int) -> tuple[bool, bool, int, int]:
        load = self.loads[worker]
        return not load.responding, not load.has_bus, load.connections, worker
