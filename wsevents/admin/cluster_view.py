"""What the status listener reports on: a single gateway process, or all workers of a supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, succeed

from wsevents.admin.metrics import GatewayReport, combined, cumulative
from wsevents.admin.sessions import merged
from wsevents.api.errors import UnansweredError
from wsevents.core.session_log import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wsevents.admin.introspection import Introspection
    from wsevents.admin.metrics import Key, Value, Values
    from wsevents.admin.sessions import SessionFilter, SessionList


@frozen
class ClusterReport:
    """The state of all processes that serve peers.

    Attributes:
        reports: the report of each worker by its number, or why it did not answer.
        values: the metrics of all processes combined.
    """

    reports: Mapping[int, GatewayReport | str]
    values: Values

    @property
    def answering(self) -> dict[int, GatewayReport]:
        """The reports of the workers that answer."""
        return {
            number: answer for number, answer in self.reports.items() if isinstance(answer, GatewayReport)
        }

    @property
    def healthy(self) -> bool:
        """Whether every process that should serve peers answers."""
        return len(self.answering) == len(self.reports)

    @property
    def ready(self) -> bool:
        """Whether a process can serve new connections."""
        return any(report.ready for report in self.answering.values())

    def reasons(self) -> list[str]:
        """Return the problems, one sentence each."""
        is_single = len(self.reports) == 1
        found = []
        for number, report in sorted(self.reports.items()):
            prefix = "" if is_single else f"worker {number}: "
            texts = report.reasons if isinstance(report, GatewayReport) else (report,)
            found += [prefix + text for text in texts]
        return found


class ClusterView(Protocol):
    """The source of the status listener's answers."""

    def report(self) -> Deferred[ClusterReport]:
        """Return the state of all processes."""

    def sessions(self, session_filter: SessionFilter) -> Deferred[SessionList]:
        """List the sessions that match a filter."""

    def kick(self, session_filter: SessionFilter) -> Deferred[int]:
        """Close the sessions that match a filter; fires with their number.

        Fails with UnansweredError if a worker does not answer: its sessions are closed as soon as it does.
        """


@frozen
class SingleProcess:
    """A gateway in this process."""

    introspection: Introspection

    def report(self) -> Deferred[ClusterReport]:
        report = self.introspection.report()
        return succeed(_cluster_report({1: report}, report.values))

    def sessions(self, session_filter: SessionFilter) -> Deferred[SessionList]:
        return succeed(merged([self.introspection.sessions(session_filter)], REMEMBERED))

    def kick(self, session_filter: SessionFilter) -> Deferred[int]:
        return succeed(self.introspection.kick(session_filter))


class AskedWorker(Protocol):
    """A worker process that answers questions.

    Attributes:
        pid: of the process.
    """

    pid: int

    def ask(self, name: str, argument: Any = None) -> Deferred[Any]:
        """Ask a question by its name. Fires with the answer, or fails with LinkError."""


@define(eq=False)
class WorkerProcesses:
    """All workers of a supervisor, asked over RPC.

    The counts of a worker are kept when it ends, so that counters never decrease. Counts since its last
    report are lost.

    Attributes:
        workers: returns the workers by number; None for a worker that is starting.
    """

    workers: Callable[[], Mapping[int, AskedWorker | None]]
    _last_values: dict[int, Values] = field(init=False, factory=dict)
    _ended: dict[Key, Value] = field(init=False, factory=dict)

    def report(self) -> Deferred[ClusterReport]:
        return Deferred.fromCoroutine(self._report())

    async def _report(self) -> ClusterReport:
        reports: dict[int, GatewayReport | str] = await self._ask("report")
        answering = {
            report.pid: report.values for report in reports.values() if isinstance(report, GatewayReport)
        }
        self._last_values |= answering
        alive = {worker.pid for worker in self.workers().values() if worker is not None}
        for pid in self._last_values.keys() - alive - answering.keys():
            self._ended = combined([self._ended, cumulative(self._last_values.pop(pid))])
        silent = [cumulative(values) for pid, values in self._last_values.items() if pid not in answering]
        return _cluster_report(reports, combined([self._ended, *silent, *answering.values()]))

    def sessions(self, session_filter: SessionFilter) -> Deferred[SessionList]:
        asked = Deferred.fromCoroutine(self._ask("sessions", session_filter))
        return asked.addCallback(
            lambda lists: merged(
                [answer for answer in lists.values() if not isinstance(answer, str)], REMEMBERED
            )
        )

    def kick(self, session_filter: SessionFilter) -> Deferred[int]:
        return Deferred.fromCoroutine(self._kick(session_filter))

    async def _kick(self, session_filter: SessionFilter) -> int:
        running = [number for number, worker in self.workers().items() if worker]
        counts = await self._ask("kick", session_filter)
        kicked = sum(answer for answer in counts.values() if isinstance(answer, int))
        silent = [
            f"worker {number}: {counts[number]}" for number in running if isinstance(counts[number], str)
        ]
        if silent:
            raise UnansweredError(
                f"{kicked} sessions were ended, but not all workers answered: {'; '.join(silent)}"
            )
        return kicked

    async def _ask(self, name: str, argument: Any = None) -> dict[int, Any]:
        """Return the answer of each worker by its number, or why it did not answer."""
        workers = self.workers()
        asked = {number: worker.ask(name, argument) for number, worker in workers.items() if worker}
        answers = await DeferredList(asked.values(), consumeErrors=True)
        found: dict[int, Any] = dict.fromkeys(workers, "it is starting")
        for number, (succeeded, answer) in zip(asked, answers, strict=True):
            found[number] = answer if succeeded else answer.getErrorMessage()
        return found


def _cluster_report(reports: Mapping[int, GatewayReport | str], values: Values) -> ClusterReport:
    answering = sum(isinstance(report, GatewayReport) for report in reports.values())
    counts: dict[Key, Value] = {
        ("wsevents_workers", ()): len(reports),
        ("wsevents_workers_ready", ()): answering,
    }
    return ClusterReport(reports, {**values, **counts})
