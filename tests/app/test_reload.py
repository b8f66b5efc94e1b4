"""How a configuration is read again: one after the other, and all of it or nothing."""

from attrs import evolve
from twisted.internet.defer import Deferred

from wsevents.api.errors import ConfigurationError
from wsevents.api.settings import Config, Limits
from wsevents.app.reload import Reload

OLD = Config()
NEW = evolve(OLD, limits=Limits(subscriptions=7), origin_uuid="u")


class Files:
    """What is read, and put in force when the test says so.

    Attributes:
        now: what the files say, or the mistake in them.
        puts: configurations to put, each with what ends that.
    """

    def __init__(self, now):
        self.now, self.puts = now, []
        self.reload = Reload(OLD, self.read, self.put)

    def read(self):
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def begin(self):
        """Begin; return a list that has something in it once it is done."""
        done = []
        self.reload.begin().addCallback(done.append)
        return done

    async def put(self, config):
        done = Deferred()
        self.puts.append((config, done))
        await done


def test_live_keys_are_applied_and_others_logged(log):
    files = Files(NEW)
    done = files.begin()
    ((config, putting),) = files.puts
    assert config == evolve(OLD, limits=NEW.limits)
    assert not done
    assert files.reload.config is OLD
    putting.callback(None)
    assert done
    assert files.reload.config == config
    assert log.lines == [
        "reload: origin_uuid needs a restart to change",
        "reload: done; certificates reloaded, changed keys: limits.subscriptions",
    ]


def test_each_problem_of_the_files_is_logged(log, errors):
    files = Files(ConfigurationError("a: is wrong", "b: is too"))
    assert files.begin()
    assert (files.reload.config, files.puts) == (OLD, [])
    assert log.lines == [
        "reload: a: is wrong",
        "reload: b: is too",
        "reload: failed; the previous configuration stays in force",
    ]
    errors.failures.clear()


def test_a_failed_commit_keeps_the_old_configuration(log, errors):
    files = Files(NEW)
    done = files.begin()
    files.puts[0][1].errback(ConfigurationError("worker 1: not responding"))
    assert done
    assert files.reload.config is OLD
    assert log.lines == [
        "reload: worker 1: not responding",
        "reload: failed; the previous configuration stays in force",
    ]
    errors.failures.clear()


def test_a_bug_in_a_reload_does_not_stop_the_gateway(log, errors):
    files = Files(NEW)
    files.now = ZeroDivisionError()
    assert files.begin()
    assert log.of("ZeroDivisionError")[0].startswith("reload: failed: ZeroDivisionError at ")
    assert errors.flush(ZeroDivisionError)


def test_a_second_reload_waits_and_reads_the_files_again():
    files = Files(NEW)
    first, second = files.begin(), files.begin()
    assert len(files.puts) == 1
    files.now = evolve(OLD, limits=Limits(subscriptions=8))
    files.puts[0][1].callback(None)
    assert first
    assert not second
    assert files.puts[1][0].limits.subscriptions == 8
    files.puts[1][1].callback(None)
    assert second
