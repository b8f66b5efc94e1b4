"""What the status listener asks: one gateway, or the workers of a supervisor all together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, succeed

from wsevents.admin.metrics import GatewayReport, combined, lasting
from wsevents.admin.sessions import joined
from wsevents.api.errors import UnansweredError
from wsevents.core.session_log import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wsevents.admin.introspection import Introspection
    from wsevents.admin.metrics import Key, Value, Values
    from wsevents.admin.sessions import Choice, Listing


@frozen
class ClusterReport:
    """How all is.

    Attributes:
        reports: of each worker by its number, or what is the matter with it.
        values: of the metrics, of all together.
    """

    reports: Mapping[int, GatewayReport | str]
    values: Values

    @property
    def present(self) -> dict[int, GatewayReport]:
        """The workers that answer."""
        return {number: one for number, one in self.reports.items() if isinstance(one, GatewayReport)}

    @property
    def healthy(self) -> bool:
        """Every process that should serve peers answers."""
        return len(self.present) == len(self.reports)

    @property
    def ready(self) -> bool:
        """There is somebody to serve newcomers."""
        return any(report.ready for report in self.present.values())

    def reasons(self) -> list[str]:
        """Return what is not as it should be, a sentence each."""
        alone = len(self.reports) == 1
        found = []
        for number, report in sorted(self.reports.items()):
            whose = "" if alone else f"worker {number}: "
            texts = report.reasons if isinstance(report, GatewayReport) else (report,)
            found += [whose + text for text in texts]
        return found


class ClusterView(Protocol):
    """Whom the status listener asks."""

    def report(self) -> Deferred[ClusterReport]:
        """Say how all is."""

    def sessions(self, choice: Choice) -> Deferred[Listing]:
        """List sessions."""

    def kick(self, choice: Choice) -> Deferred[int]:
        """End the sessions that are chosen; fires with how many there were.

        Fails with UnansweredError: some may be where nobody answers. They end as soon as somebody does.
        """


@frozen
class SingleProcess:
    """A gateway in this very process."""

    introspection: Introspection

    def report(self) -> Deferred[ClusterReport]:
        """Say how it is."""
        report = self.introspection.report()
        return succeed(_whole({1: report}, report.values))

    def sessions(self, choice: Choice) -> Deferred[Listing]:
        """List its sessions."""
        return succeed(joined([self.introspection.sessions(choice)], REMEMBERED))

    def kick(self, choice: Choice) -> Deferred[int]:
        """End sessions of it."""
        return succeed(self.introspection.kick(choice))


class AskedWorker(Protocol):
    """A worker process, as far as it is asked.

    Attributes:
        pid: of the process.
    """

    pid: int

    def ask(self, name: str, argument: Any = None) -> Deferred[Any]:
        """Ask it; fires with its answer, fails with LinkError."""


@define(eq=False)
class WorkerProcesses:
    """Workers, each asked by its link.

    What a worker has counted is kept when it ends, so that the sum never shrinks; what it counted after it
    was asked the last time is lost.

    Attributes:
        workers: gives those that are there, or are None as they are being started, by their numbers.
    """

    workers: Callable[[], Mapping[int, AskedWorker | None]]
    _known: dict[int, Values] = field(init=False, factory=dict)
    _gone: dict[Key, Value] = field(init=False, factory=dict)

    def report(self) -> Deferred[ClusterReport]:
        """Say how all of them are."""
        return Deferred.fromCoroutine(self._report())

    async def _report(self) -> ClusterReport:
        reports: dict[int, GatewayReport | str] = await self._ask("report")
        present = {
            report.pid: report.values for report in reports.values() if isinstance(report, GatewayReport)
        }
        self._known |= present
        alive = {worker.pid for worker in self.workers().values() if worker is not None}
        for pid in self._known.keys() - alive - present.keys():
            self._gone = combined([self._gone, lasting(self._known.pop(pid))])
        silent = [lasting(values) for pid, values in self._known.items() if pid not in present]
        return _whole(reports, combined([self._gone, *silent, *present.values()]))

    def sessions(self, choice: Choice) -> Deferred[Listing]:
        """List the sessions of all of them."""
        asked = Deferred.fromCoroutine(self._ask("sessions", choice))
        return asked.addCallback(
            lambda lists: joined([one for one in lists.values() if not isinstance(one, str)], REMEMBERED)
        )

    def kick(self, choice: Choice) -> Deferred[int]:
        """End sessions of any of them."""
        return Deferred.fromCoroutine(self._kick(choice))

    async def _kick(self, choice: Choice) -> int:
        here = [number for number, worker in self.workers().items() if worker]
        counts = await self._ask("kick", choice)
        kicked = sum(one for one in counts.values() if isinstance(one, int))
        silent = [f"worker {number}: {counts[number]}" for number in here if isinstance(counts[number], str)]
        if silent:
            raise UnansweredError(f"{kicked} sessions were ended, and there may be more: {'; '.join(silent)}")
        return kicked

    async def _ask(self, name: str, argument: Any = None) -> dict[int, Any]:
        """Return the answer of each worker by its number, or what is the matter with it."""
        workers = self.workers()
        asked = {number: worker.ask(name, argument) for number, worker in workers.items() if worker}
        answers = await DeferredList(asked.values(), consumeErrors=True)
        found: dict[int, Any] = dict.fromkeys(workers, "it is being started")
        for number, (good, answer) in zip(asked, answers, strict=True):
            found[number] = answer if good else answer.getErrorMessage()
        return found


def _whole(reports: Mapping[int, GatewayReport | str], values: Values) -> ClusterReport:
    present = sum(isinstance(report, GatewayReport) for report in reports.values())
    counts: dict[Key, Value] = {
        ("wsevents_workers", ()): len(reports),
        ("wsevents_workers_ready", ()): present,
    }
    return ClusterReport(reports, {**values, **counts})
