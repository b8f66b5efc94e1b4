"""What Twisted's logger tells becomes lines: of the levels that are wanted, each once in a while."""

from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from wsevents.logs.deduplication import WINDOW
from wsevents.logs.level import Level
from wsevents.logs.observer import LogObserver
from wsevents.logs.record import LogLine


class Reactor(Clock):
    """Time, and what is to be done at the beginning and at the end."""

    def __init__(self):
        super().__init__()
        self.begin, self.end = [], []

    def callWhenRunning(self, call, *arguments):
        self.begin.append(lambda: call(*arguments))

    def addSystemEventTrigger(self, phase, event, call):
        assert (phase, event) == ("after", "shutdown")
        self.end.append(call)

    def run(self):
        for call in self.begin:
            call()

    def stop(self):
        for call in self.end:
            call()


class World:
    """A logger, and what became of what it said."""

    def __init__(self, level="info", running=True):
        self.lines, self.reactor, self.level = [], Reactor(), Level()
        self.level.set(level)
        self.observer = LogObserver(self.lines.append, self.level, self.reactor.seconds)
        self.voice = Logger("somebody", observer=LogPublisher(self.observer))
        self.observer.attend(self.reactor)
        if running:
            self.reactor.run()

    @property
    def texts(self):
        return [line.text for line in self.lines]


class Telltale:
    """Notes that somebody wanted to see it."""

    shown = False

    def __str__(self):
        self.shown = True
        return "shown"


def failure(error):
    try:
        raise error
    except type(error):
        return Failure()


def test_what_is_below_the_level_costs_no_formatting():
    world, telltale = World(), Telltale()
    world.voice.debug("{x}", x=telltale)
    assert world.lines == []
    assert not telltale.shown


def test_the_level_changes_while_it_runs():
    world = World()
    for level in ("error", "debug", "warn"):
        world.level.set(level)
        for name in ("debug", "info", "warn", "error", "critical"):
            world.voice.emit(LogLevel.levelWithName(name), name)
    assert world.texts == [
        *("error", "critical"),
        *("debug", "info", "warn"),
    ], "what is repeated within the minute is counted"


def test_a_line_has_who_when_and_what_its_text_names():
    world = World()
    world.voice.info("{peers} peers", peers=3, token="s3cret")
    (line,) = world.lines
    assert (line.who, line.level, line.text, line.fields) == ("somebody", "info", "3 peers", {"peers": 3})
    assert line.time is not None


def test_what_was_counted_comes_before_the_line_that_says_it_is_over():
    world = World()
    for _ in range(3):
        world.voice.warn("it is down")
    world.voice.info("it is up, {where}", where="here", over=True)
    world.voice.warn("it is down")
    assert world.texts == [
        "it is down",
        "it is down (… and 2 more like it in 1 s)",
        "it is up, here",
        "it is down",
    ]


def test_what_is_repeated_is_told_while_nobody_says_anything_else():
    world = World()
    for _ in range(1235):
        world.voice.warn("no answer")
    world.reactor.pump([1.0] * int(WINDOW + 5))
    assert world.texts == ["no answer", "no answer (… and 1234 more like it in 60 s)"]
    assert world.lines[1].fields == {"repeated": 1234}


def test_nothing_is_lost_at_the_end_and_no_timer_is_left():
    world = World()
    for _ in range(3):
        world.voice.error("no answer")
    world.reactor.advance(7)
    world.reactor.stop()
    assert world.texts == ["no answer", "no answer (… and 2 more like it in 7 s)"]
    assert world.reactor.getDelayedCalls() == []
    for _ in range(2):
        world.voice.error("no answer")
    assert world.texts[2:] == ["no answer"] * 2, "nobody would tell the number"


def test_without_a_reactor_everything_is_written():
    world = World(running=False)
    for _ in range(3):
        world.voice.error("no answer")
    world.reactor.stop()
    assert world.texts == ["no answer"] * 3


def test_tracebacks_are_folded_by_where_it_happened():
    world = World()
    for error in (OSError(2, "no"), OSError(3, "no")):
        world.voice.failure("it failed", failure(error))
    for _ in range(2):
        world.voice.failure("it failed", failure(ValueError("x")))
    assert [line.trace.splitlines()[-1] for line in world.lines] == [
        "builtins.FileNotFoundError: [Errno 2] no",
        "builtins.ProcessLookupError: [Errno 3] no",
        "builtins.ValueError",
    ]


def test_a_traceback_says_where_but_quotes_no_data():
    world = World()
    token = "s3cret"
    world.voice.failure("it failed", failure(KeyError(token)))
    (line,) = world.lines
    assert "in failure\n    raise error\nbuiltins.KeyError" in line.trace
    assert token not in line.trace


def test_a_line_of_a_worker_is_as_the_worker_had_it():
    world, line = World(), LogLine(1.0, "warn", "w", "alone", {"a": 1}, worker=2)
    for _ in range(2):
        world.voice.warn("worker {worker}: {text}", worker=2, text="alone", line=line, folded=True)
    assert world.lines == [line, line]


def test_that_no_file_can_be_opened_is_told_in_words_that_name_the_remedy():
    world = World()
    port = Logger("twisted.internet.tcp.Port", observer=world.voice.observer)
    for address in ("192.0.2.1", "192.0.2.2"):
        port.info("EMFILE encountered; releasing reserved file descriptor.")
        port.info("EMFILE recovery: Closed socket from {address}", address=address)
        port.info("Re-reserving EMFILE recovery file descriptor.")
        port.info("Could not accept new connection ({acceptError})", acceptError="EMFILE")
    (line,) = world.lines
    assert line.level == "error"
    assert "raise LimitNOFILE= in the systemd unit, or `ulimit -n`" in line.text
    port.info("something else")
    port.info("Could not accept new connection ({acceptError})", acceptError="ENOBUFS")
    assert world.texts[1:] == ["something else", "Could not accept new connection (ENOBUFS)"]


def test_what_has_no_level_or_no_namespace_is_logged_too():
    world = World()
    world.observer({"log_format": "bare", "log_level": None})
    (line,) = world.lines
    assert (line.level, line.who, line.text) == ("info", "-", "bare")
