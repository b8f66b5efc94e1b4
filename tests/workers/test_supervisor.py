"""Errors that prevent a supervisor from starting its workers, and the number of workers."""

import os
import pickle
import resource

import pytest
from attrs import evolve, frozen
from twisted.internet.task import Clock

from tests.support import example_plugins
from wsevents.api.errors import ConfigurationError
from wsevents.api.settings import Config
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins
from wsevents.tap import processes, supervised
from wsevents.workers.startup_message import StartupMessage
from wsevents.workers.supervisor import Supervisor
from wsevents.workers.worker import check_interpreter

TEXT = "listen: ['tcp:0:interface=127.0.0.1']\nworkers: 2\n"


class Reactor(Clock):
    """A clock that opens no ports and starts no processes."""


def test_a_configuration_that_workers_cannot_use_is_rejected_before_the_start():
    def check():
        raise ConfigurationError("listen[0]: cannot read /a/key: Permission denied")

    reactor = Reactor()
    supervisor = Supervisor(reactor, Config(listen=[]), 2, check)
    with pytest.raises(SystemExit, match=r"^wsevents: listen\[0\]: cannot read /a/key: Permission denied$"):
        supervisor.startService()
    assert not reactor.getDelayedCalls()
    assert not supervisor.running


def test_a_supervisor_raises_its_limit_of_open_files():
    """Connections that queue up for a hanging worker must leave descriptors for the others."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
    try:
        Supervisor(Reactor(), Config(listen=[]), 2, lambda: None).privilegedStartService()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def test_a_python_that_the_user_cannot_execute_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=f"workers: {tmp_path}/python cannot be executed by user"):
        check_interpreter(f"{tmp_path}/python")
    check_interpreter()


def test_settings_that_cannot_be_pickled_are_rejected():
    @frozen
    class Strange:
        value: object = lambda: None

    supervisor = Supervisor(Reactor(), Config(listen=[], dialects={"x": Strange()}), 2, lambda: None)
    with pytest.raises(SystemExit, match="the settings of a plug-in cannot be passed to workers"):
        supervisor.startService()


def test_the_default_settings_can_be_pickled():
    config = parse(TEXT, "here.yml", Plugins(), {})
    startup = pickle.loads(pickle.dumps(StartupMessage(config, ())))
    assert startup.config == config
    assert "guest" not in repr(startup)


def test_an_endpoint_that_cannot_be_used_is_rejected_before_the_supervisor_is_made():
    config = parse(TEXT, "here.yml", Plugins(), {})
    broken = evolve(config, listen=[evolve(config.listen[0], endpoint="tcp:nowhere")])
    with pytest.raises(ConfigurationError, match=r"listen\[0\]: is not a usable endpoint"):
        supervised(Reactor(), broken, Plugins(), 2)


def test_auto_is_one_worker_per_core():
    assert processes(Config(workers="auto")) == len(os.sched_getaffinity(0))
    assert processes(Config(workers=3)) == 3
    assert processes(Config()) == 1


@pytest.mark.parametrize("bus", ["", "bus: {type: amqp}\n"])
@pytest.mark.parametrize("workers", [1, 2, 256, "auto"])
def test_workers_need_a_bus_outside_the_process(bus, workers):
    text = f"listen: ['tcp:0']\nworkers: {workers}\n{bus}"
    assert parse(text, "here.yml", Plugins(), {}).workers == workers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workers: 0", "workers: must be auto, or from 1 to 256"),
        ("workers: 257", "workers: must be auto, or from 1 to 256"),
        ("workers: many", "workers: must be a whole number or 'auto', not 'many'"),
        ("workers: yes", "workers: must be a whole number or 'auto', not true"),
        (
            "workers: 2\nbus: {type: memory}",
            "workers: must be 1 with a bus within the process; leave it out, or use `bus.type: amqp`",
        ),
        (
            "workers: auto\nbus: {type: memory}",
            "workers: must be 1 with a bus within the process; leave it out, or use `bus.type: amqp`",
        ),
    ],
)
def test_an_error_is_one_line(text, said):
    with pytest.raises(ConfigurationError) as caught:
        parse(f"listen: ['tcp:0']\n{text}", "here.yml", Plugins(), {})
    assert caught.value.problems == (f"here.yml: {said}",)


@pytest.mark.parametrize("bus", ["bus: 5", "bus: {type: 5}", "bus: {type: nonsense}"])
def test_a_mistake_about_the_bus_is_told_once_and_by_its_own_name(bus):
    with pytest.raises(ConfigurationError) as caught:
        parse(f"listen: ['tcp:0']\nworkers: 2\n{bus}", "here.yml", Plugins(), {})
    (problem,) = caught.value.problems
    assert problem.startswith("here.yml: bus")


def test_one_process_may_have_any_bus():
    assert parse("listen: ['tcp:0']\nworkers: 1\nbus: {type: memory}", "x", Plugins(), {}).workers == 1
    assert parse("listen: ['tcp:0']", "x", example_plugins.plugins(), {}).workers == 1
