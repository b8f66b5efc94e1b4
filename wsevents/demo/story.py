"""Simulates the demo's companies: generators of consistent sequences of events. Pure.

Rule 1: the caller passes in the time and the source of random numbers.
Rule 2: a plot is a generator. It yields an event to publish, or a number of seconds to wait. After a wait,
it is sent the time.
Rule 3: the waits are bounded. In the first company, an event occurs at least every half second, and each
kind of event occurs at least every fifteen seconds.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from heapq import heapify, heappop, heappush
from itertools import count, cycle
from typing import TYPE_CHECKING

from wsevents.core.wazo_publication import NewEvent
from wsevents.demo.cast import COMPANIES, OUTSIDERS, Company, Person
from wsevents.demo.telling import Leg, agent, call, endpoint, hold, log, missed, presence, voicemail

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

Plot = Generator[NewEvent | float, float, None]

LATE = 2.0
"""Seconds of delay, such as after a suspend, from which the story continues at the present time."""
EARLY = 5.0
"""Seconds to wait, such as after the clock was set back, from which it continues at the present time."""


class Story:
    """The events of all companies, in order of time."""

    def __init__(self, entropy: Random, now: float) -> None:
        self._order = count()
        calls = count(1)
        plots = [plot for company in COMPANIES for plot in CompanyStory(company, entropy, calls).plots()]
        self._agenda = [(now, next(self._order), plot) for plot in plots]
        for plot in plots:
            next(plot)

    def next(self, now: float) -> tuple[list[NewEvent], float]:
        """Return the events that are due at `now`, and the time of the next (seconds since the epoch)."""
        self._adjust_to_clock(now)
        events: list[NewEvent] = []
        while self._agenda[0][0] <= now:
            when, _, plot = heappop(self._agenda)
            step = plot.send(when)
            while isinstance(step, NewEvent):
                events.append(step)
                step = plot.send(when)
            heappush(self._agenda, (when + step, next(self._order), plot))
        return events, self._agenda[0][0]

    def _adjust_to_clock(self, now: float) -> None:
        """Shift all planned events if the clock has jumped."""
        late = now - self._agenda[0][0]
        if not -EARLY <= late <= LATE:
            self._agenda = [(when + late, order, plot) for when, order, plot in self._agenda]
            heapify(self._agenda)


class CompanyStory:
    """The plots of one company, and the list of people that are not in a call, which the plots share."""

    def __init__(self, company: Company, entropy: Random, calls: Iterator[int]) -> None:
        """Initialize the plots; `calls` yields the numbers of call legs, unique in all companies."""
        self._company = company
        self._tenant = company.tenant
        self._entropy = entropy
        self._free = list(company.people)
        self._calls = calls
        self._logs = count(1)
        self._messages = count(1)

    def plots(self) -> list[Plot]:
        """Return the plots, which run at the same time; each first yields a wait of 0 s."""
        conversations = [self._conversations() for _ in range(self._company.conversations)]
        return [*conversations, self._missed_calls(), self._status_changes()]

    # -- calls ----------------------------------------------------------------------------------

    def _conversations(self) -> Plot:
        """Yield calls that are answered, held, resumed and ended; at most 11.5 s each, with the waits."""
        yield 0.0
        while True:
            now = yield self._between(0.3, 1.0)
            legs = self._dial(now)
            yield from self._call_events("call_created", legs)
            now = yield self._between(1.0, 3.0)
            for leg in legs:
                leg.answer(now)
            yield from self._call_events("call_answered", legs)
            yield self._between(1.5, 3.0)
            yield from self._hold(self._entropy.choice(legs))
            now = yield self._between(1.0, 2.5)
            yield from self._hang_up(legs, now)

    def _hold(self, leg: Leg) -> Plot:
        leg.on_hold = True
        yield hold(self._tenant, leg, held=True)
        yield call(self._tenant, "call_updated", leg)
        yield self._between(1.0, 2.0)
        leg.on_hold = False
        yield hold(self._tenant, leg, held=False)
        yield call(self._tenant, "call_updated", leg)

    def _missed_calls(self) -> Plot:
        """Yield calls that are not answered, and the caller's voicemail; at most 11 s each."""
        yield 0.0
        while True:
            now = yield self._between(0.5, 1.5)
            legs = self._dial(now)
            callee = legs[-1]
            yield from self._call_events("call_created", legs)
            now = yield self._between(1.5, 3.0)
            yield missed(self._tenant, callee)
            yield from self._hang_up(legs, now)
            length = self._between(1.0, 2.0)
            now = yield length
            message = voicemail(self._tenant, callee, next(self._messages), now, round(length))
            yield message("created")
            yield self._between(1.0, 2.0)
            yield message("updated")
            yield self._between(1.0, 2.0)
            yield message("deleted")

    def _dial(self, now: float) -> list[Leg]:
        """Begin a call and return its legs in the company; the callee's leg is last."""
        callee = self._take()
        outside = self._entropy.random() < 0.5  # noqa: PLR2004 half of the calls are external
        caller = self._entropy.choice(OUTSIDERS) if outside else self._take()
        first, second = (f"{int(now)}.{next(self._calls)}" for _ in range(2))
        legs = [] if outside else [Leg(caller, callee, first, second, first, True, now)]
        return [*legs, Leg(callee, caller, second, first, first, False, now)]

    def _hang_up(self, legs: list[Leg], now: float) -> Plot:
        """End a call; its people are free again."""
        for leg in legs:
            leg.ended = now
            yield call(self._tenant, "call_ended", leg)
        number = next(self._logs)
        for leg in legs:
            yield log(self._tenant, leg, number)
            self._free.append(leg.person)

    def _call_events(self, name: str, legs: Iterable[Leg]) -> Plot:
        for leg in legs:
            yield call(self._tenant, name, leg)

    # -- everything else --------------------------------------------------------------------------

    def _status_changes(self) -> Plot:
        """Yield events of an agent, and of an endpoint or a user status, in turn."""
        agents = cycle([self._agent(person) for person in self._company.agents])
        others = cycle([self._endpoints(), self._presences()])
        yield 0.0
        for pair in zip(agents, others, strict=True):
            for changes in pair:
                yield self._between(0.7 * self._company.beat, self._company.beat)
                yield next(changes)

    def _agent(self, person: Person) -> Iterator[NewEvent]:
        """Yield the events of an agent that logs in, pauses, resumes and logs out."""
        while True:
            yield agent(self._tenant, person, "logged_in")
            reason = self._entropy.choice(["Lunch", "Coffee", "Training", "Paperwork"])
            yield agent(self._tenant, person, "paused", reason)
            yield agent(self._tenant, person, "unpaused", reason)
            yield agent(self._tenant, person, "logged_out")

    def _endpoints(self) -> Iterator[NewEvent]:
        """Yield the events of a free person's telephone that unregisters and registers again."""
        while True:
            person = self._take()
            yield endpoint(self._tenant, person, registered=False)
            self._free.append(person)
            yield endpoint(self._tenant, person, registered=True)

    def _presences(self) -> Iterator[NewEvent]:
        """Yield the events of each user in turn, who is away and then available."""
        for person in cycle(self._company.people):
            away = self._entropy.choice(["away", "donotdisturb", "outtolunch"])
            yield presence(self._tenant, person, away)
            yield presence(self._tenant, person, "available")

    def _take(self) -> Person:
        """Take a random free person out of the list. The list is never empty (see `Company.people`)."""
        return self._free.pop(self._entropy.randrange(len(self._free)))

    def _between(self, shortest: float, longest: float) -> float:
        return self._entropy.uniform(shortest, longest)
