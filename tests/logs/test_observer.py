"""The observer writes Twisted's log events as lines, filtered by level and deduplicated."""

from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from wsevents.logs.deduplication import WINDOW
from wsevents.logs.level import Level
from wsevents.logs.observer import LogObserver
from wsevents.logs.record import LogLine


class Reactor(Clock):
    """A clock that records the calls for the start and the shutdown of the reactor."""

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
    """A logger, and the lines that the observer writes for it."""

    def __init__(self, level="info", running=True):
        self.lines, self.reactor, self.level = [], Reactor(), Level()
        self.level.set(level)
        self.observer = LogObserver(self.lines.append, self.level, self.reactor.seconds)
        self.source = Logger("source", observer=LogPublisher(self.observer))
        self.observer.attach(self.reactor)
        if running:
            self.reactor.run()

    @property
    def texts(self):
        return [line.text for line in self.lines]


class FormatProbe:
    """Records that it was formatted."""

    formatted = False

    def __str__(self):
        self.formatted = True
        return "formatted"


def failure(error):
    try:
        raise error
    except type(error):
        return Failure()


def test_an_event_below_the_level_is_not_formatted():
    world, probe = World(), FormatProbe()
    world.source.debug("{x}", x=probe)
    assert world.lines == []
    assert not probe.formatted


def test_the_level_can_change_at_run_time():
    world = World()
    for level in ("error", "debug", "warn"):
        world.level.set(level)
        for name in ("debug", "info", "warn", "error", "critical"):
            world.source.emit(LogLevel.levelWithName(name), name)
    assert world.texts == [
        *("error", "critical"),
        *("debug", "info", "warn"),
    ], "lines repeated within the minute are counted"


def test_a_line_has_the_logger_the_time_and_the_fields_of_its_text():
    world = World()
    world.source.info("{peers} peers", peers=3, token="s3cret")
    (line,) = world.lines
    assert (line.logger, line.level, line.text, line.fields) == ("source", "info", "3 peers", {"peers": 3})
    assert line.time is not None


def test_counts_are_written_before_the_line_that_reports_the_end_of_the_problem():
    world = World()
    for _ in range(3):
        world.source.warn("it is down")
    world.source.info("it is up, {where}", where="here", over=True)
    world.source.warn("it is down")
    assert world.texts == [
        "it is down",
        "it is down (… and 2 more like it in 1 s)",
        "it is up, here",
        "it is down",
    ]


def test_counts_are_written_without_another_event():
    world = World()
    for _ in range(1235):
        world.source.warn("no answer")
    world.reactor.pump([1.0] * int(WINDOW + 5))
    assert world.texts == ["no answer", "no answer (… and 1234 more like it in 60 s)"]
    assert world.lines[1].fields == {"repeated": 1234}


def test_counts_are_written_at_shutdown_and_no_timer_is_left():
    world = World()
    for _ in range(3):
        world.source.error("no answer")
    world.reactor.advance(7)
    world.reactor.stop()
    assert world.texts == ["no answer", "no answer (… and 2 more like it in 7 s)"]
    assert world.reactor.getDelayedCalls() == []
    for _ in range(2):
        world.source.error("no answer")
    assert world.texts[2:] == ["no answer"] * 2, "no timer would write the count"


def test_without_a_reactor_everything_is_written():
    world = World(running=False)
    for _ in range(3):
        world.source.error("no answer")
    world.reactor.stop()
    assert world.texts == ["no answer"] * 3


def test_failures_are_deduplicated_by_location():
    world = World()
    for error in (OSError(2, "no"), OSError(3, "no")):
        world.source.failure("it failed", failure(error))
    for _ in range(2):
        world.source.failure("it failed", failure(ValueError("x")))
    assert [line.trace.splitlines()[-1] for line in world.lines] == [
        "builtins.FileNotFoundError: [Errno 2] no",
        "builtins.ProcessLookupError: [Errno 3] no",
        "builtins.ValueError",
    ]


def test_a_traceback_has_the_location_but_quotes_no_data():
    world = World()
    token = "s3cret"
    world.source.failure("it failed", failure(KeyError(token)))
    (line,) = world.lines
    assert "in failure\n    raise error\nbuiltins.KeyError" in line.trace
    assert token not in line.trace


def test_a_line_of_a_worker_is_written_unchanged():
    world, line = World(), LogLine(1.0, "warn", "w", "alone", {"a": 1}, worker=2)
    for _ in range(2):
        world.source.warn("worker {worker}: {text}", worker=2, text="alone", line=line, folded=True)
    assert world.lines == [line, line]


def test_too_many_open_files_is_logged_with_the_remedy():
    world = World()
    port = Logger("twisted.internet.tcp.Port", observer=world.source.observer)
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


def test_an_event_without_level_or_namespace_is_logged():
    world = World()
    world.observer({"log_format": "bare", "log_level": None})
    (line,) = world.lines
    assert (line.level, line.logger, line.text) == ("info", "-", "bare")
