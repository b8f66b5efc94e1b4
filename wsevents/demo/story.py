"""What happens in the demo: state machines that follow one another's lead, not noise.

Rule 1: nothing here knows the time or makes randomness; both are passed in.
Rule 2: a plot is a generator. It yields a Happening to tell, or a number of seconds to wait, and
is sent the time. What it holds between two yields is its state; where it stands is the state's name.
Rule 3: pauses are bounded so that, in the first company, something happens at least every half
second, and everything that can happen does so again within fifteen seconds.
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

# A story that is told later than this many seconds after its time (the machine slept), or that
# would have to wait longer (the clock was set back), goes on from now instead of catching up.
LATE = 2.0
EARLY = 5.0


class Story:
    """All that happens, in order of time."""

    def __init__(self, entropy: Random, now: float) -> None:
        self._order = count()
        calls = count(1)
        plots = [plot for company in COMPANIES for plot in Office(company, entropy, calls).plots()]
        self._agenda = [(now, next(self._order), plot) for plot in plots]
        for plot in plots:
            next(plot)

    def next(self, now: float) -> tuple[list[NewEvent], float]:
        """Return what has happened up to `now`, and when to ask again (seconds since the epoch)."""
        self._follow(now)
        told: list[NewEvent] = []
        while self._agenda[0][0] <= now:
            when, _, plot = heappop(self._agenda)
            step = plot.send(when)
            while isinstance(step, NewEvent):
                told.append(step)
                step = plot.send(when)
            heappush(self._agenda, (when + step, next(self._order), plot))
        return told, self._agenda[0][0]

    def _follow(self, now: float) -> None:
        """Move everything that is to come when the clock has jumped."""
        late = now - self._agenda[0][0]
        if not -EARLY <= late <= LATE:
            self._agenda = [(when + late, order, plot) for when, order, plot in self._agenda]
            heapify(self._agenda)


class Office:
    """The plots of one company, and what they share: who is free to be called."""

    def __init__(self, company: Company, entropy: Random, calls: Iterator[int]) -> None:
        """Open; `calls` numbers the legs of all companies, as one telephone system does."""
        self._company = company
        self._tenant = company.tenant
        self._entropy = entropy
        self._free = list(company.people)
        self._calls = calls
        self._logs = count(1)
        self._messages = count(1)

    def plots(self) -> list[Plot]:
        """Return everything that goes on at the same time; each plot first awaits the time."""
        talks = [self._conversations() for _ in range(self._company.conversations)]
        return [*talks, self._missed_calls(), self._bustle()]

    # -- calls ----------------------------------------------------------------------------------

    def _conversations(self) -> Plot:
        """Calls that are answered, held, resumed and ended; at most 11.5 s each, breaks included."""
        yield 0.0
        while True:
            now = yield self._between(0.3, 1.0)
            legs = self._dial(now)
            yield from self._tell("call_created", legs)
            now = yield self._between(1.0, 3.0)
            for leg in legs:
                leg.answer(now)
            yield from self._tell("call_answered", legs)
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
        """Calls that nobody answers, and the message that the caller leaves; at most 11 s each."""
        yield 0.0
        while True:
            now = yield self._between(0.5, 1.5)
            legs = self._dial(now)
            callee = legs[-1]
            yield from self._tell("call_created", legs)
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
        """Begin a call: one leg for each end of it that is in the company, the called one last."""
        callee = self._take()
        outside = self._entropy.random() < 0.5  # noqa: PLR2004 every other call comes from outside
        caller = self._entropy.choice(OUTSIDERS) if outside else self._take()
        first, second = (f"{int(now)}.{next(self._calls)}" for _ in range(2))
        legs = [] if outside else [Leg(caller, callee, first, second, first, True, now)]
        return [*legs, Leg(callee, caller, second, first, first, False, now)]

    def _hang_up(self, legs: list[Leg], now: float) -> Plot:
        """End a call; everybody in it is free again."""
        for leg in legs:
            leg.ended = now
            yield call(self._tenant, "call_ended", leg)
        number = next(self._logs)
        for leg in legs:
            yield log(self._tenant, leg, number)
            self._free.append(leg.person)

    def _tell(self, name: str, legs: Iterable[Leg]) -> Plot:
        for leg in legs:
            yield call(self._tenant, name, leg)

    # -- everything else --------------------------------------------------------------------------

    def _bustle(self) -> Plot:
        """One small thing at every beat: an agent does something, then something else changes."""
        agents = cycle([self._agent(person) for person in self._company.agents])
        others = cycle([self._endpoints(), self._presences()])
        yield 0.0
        for duty, other in zip(agents, others, strict=True):
            for happening in (duty, other):
                yield self._between(0.7 * self._company.beat, self._company.beat)
                yield next(happening)

    def _agent(self, person: Person) -> Iterator[NewEvent]:
        """An agent logs in, has a break, and logs out."""
        while True:
            yield agent(self._tenant, person, "logged_in")
            reason = self._entropy.choice(["Lunch", "Coffee", "Training", "Paperwork"])
            yield agent(self._tenant, person, "paused", reason)
            yield agent(self._tenant, person, "unpaused", reason)
            yield agent(self._tenant, person, "logged_out")

    def _endpoints(self) -> Iterator[NewEvent]:
        """The telephone of somebody who is not in a call goes away and comes back."""
        while True:
            person = self._take()
            yield endpoint(self._tenant, person, registered=False)
            self._free.append(person)
            yield endpoint(self._tenant, person, registered=True)

    def _presences(self) -> Iterator[NewEvent]:
        """Everybody in turn is not to be disturbed for a while."""
        for person in cycle(self._company.people):
            away = self._entropy.choice(["away", "donotdisturb", "outtolunch"])
            yield presence(self._tenant, person, away)
            yield presence(self._tenant, person, "available")

    def _take(self) -> Person:
        """Return somebody who is free, and is not any more; the cast is large enough."""
        return self._free.pop(self._entropy.randrange(len(self._free)))

    def _between(self, least: float, most: float) -> float:
        return self._entropy.uniform(least, most)
