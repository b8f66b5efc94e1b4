"""`wsevents publish` on a real RabbitMQ."""

import json

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from tests.support.bus_observer import Ear
from tests.support.shell import meanwhile, wsevents
from wsevents.api.events import Event, Exchange
from wsevents.buses.amqp import AmqpBus
from wsevents.core.wazo_events import HeadersSource, TopicSource

CONFIG = """
listen: ["tcp:0"]
bus: {{endpoint: "{endpoint}", exchange_name: {name}, exchange_type: {kind}}}
{more}
"""


def write(folder, rabbitmq, source, more=""):
    file = folder / "config.yml"
    file.write_text(
        CONFIG.format(
            endpoint=rabbitmq.endpoint, name=source.exchange.name, kind=source.exchange.type, more=more
        )
    )
    return "--config", file


SOURCES = {
    "headers": HeadersSource(Exchange("publish-headers", "headers")),
    "topic": TopicSource(Exchange("publish-topic", "topic")),
    "origin": HeadersSource(Exchange("publish-headers", "headers"), origin="o1"),
}


@async_yield_fixture
async def hearing(rabbitmq):
    """A function that returns an ear on the exchange of a source."""
    from twisted.internet import reactor

    buses = []

    async def hear(source):
        bus, ear = AmqpBus.create(AmqpBus.settings(endpoint=rabbitmq.endpoint), reactor), Ear()
        bus.attach(ear, [source.exchange], source.bindings)
        bus.startService()
        buses.append(bus)
        await ear.ups(1)
        return ear

    yield hear
    for bus in buses:
        await bus.stopService()


async def published(hearing, source, *words, **options):
    """Publish, and return the event that the gateway makes of it, and how the command ended."""
    ear = await hearing(source)
    done = await meanwhile("publish", *words, **options)
    assert done.status == 0, done.err
    await ear.heard(1)
    event = source.decode(ear.deliveries[0])
    assert isinstance(event, Event), event
    return event, done


@pytest.mark.parametrize("kind", ["headers", "topic"])
@ensureDeferred
async def test_the_gateway_reads_what_is_published(kind, hearing, rabbitmq, tmp_path):
    source = SOURCES[kind]
    here = write(tmp_path, rabbitmq, source)
    words = ("call_created", '{"who": "é"}', "--tenant", "t1", "--user", "u1", "--user", "u2")
    event, done = await published(hearing, source, *words, *here)
    assert (event.name, event.tenant, event.required) == ("call_created", "t1", "events.call_created")
    assert event.body.json["data"] == {"who": "é"}
    if kind == "headers":
        assert (event.users, event.everyone) == (("u1", "u2"), False)
    else:
        assert event.key == "call_created"
    assert json.loads(done.out.partition(": ")[2]) == event.body.json


@ensureDeferred
async def test_the_data_comes_from_standard_input_and_json_tells_all(hearing, rabbitmq, tmp_path):
    source = SOURCES["headers"]
    words = ("note", "-", "--tenant", "t1", "--required-acl", "events.notes", "--json")
    event, done = await published(
        hearing, source, *words, *write(tmp_path, rabbitmq, source), stdin='{"text": "hello"}'
    )
    assert (event.required, event.everyone) == ("events.notes", True)
    assert done.json["body"] == event.body.json
    assert done.json["headers"] == event.headers
    assert (done.json["exchange"], done.json["routing_key"]) == ("publish-headers", "note")


@ensureDeferred
async def test_without_a_tenant_it_is_for_the_master_tenant_alone(hearing, rabbitmq, tmp_path):
    source = SOURCES["headers"]
    event, _ = await published(hearing, source, "note", "--no-acl", *write(tmp_path, rabbitmq, source))
    assert (event.tenant, event.users, event.everyone, event.required) == (None, (), False, None)


@ensureDeferred
async def test_it_is_of_the_installation_of_the_configuration(hearing, rabbitmq, tmp_path):
    source = SOURCES["origin"]
    here = write(tmp_path, rabbitmq, source, "origin_uuid: o1")
    event, _ = await published(hearing, source, "note", "--tenant", "t1", *here)
    assert event.headers["origin_uuid"] == "o1"


def test_an_exchange_that_does_not_exist_is_one_line(rabbitmq, tmp_path):
    source = HeadersSource(Exchange("publish-nowhere", "headers"))
    done = wsevents("publish", "note", "--tenant", "t1", *write(tmp_path, rabbitmq, source))
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert "create it, or correct bus.exchange_name" in line


def test_a_user_that_rabbitmq_does_not_know_is_one_line(rabbitmq, tmp_path):
    file = tmp_path / "config.yml"
    file.write_text(
        f'listen: ["tcp:0"]\nbus: {{endpoint: "{rabbitmq.endpoint}", username: x, password: s3cret}}\n'
    )
    done = wsevents("publish", "note", "--tenant", "t1", "--config", file)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "correct bus.username and bus.password" in line
    assert "s3cret" not in line


def test_a_rabbitmq_that_is_away_is_one_line(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\nbus: {endpoint: "tcp:127.0.0.1:1"}\n')
    done = wsevents("publish", "note", "--tenant", "t1", "--config", file)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "connection refused (start the broker, or correct bus.endpoint)" in line


def test_on_a_bus_within_the_gateway_nothing_can_be_published(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\nbus: {type: memory}\n')
    done = wsevents("publish", "note", "--tenant", "t1", "--config", file)
    assert (done.status, "there is nothing to publish on from outside" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("note", "[]"), "must be a JSON object"),
        (("note", "{"), "must be a JSON object"),
        (("note", '{"a": NaN}'), "must be a JSON object"),
        (("note", '{"a": 1e999}'), "a number that is too large"),
        (("note", "--user", "u1"), "--user needs --tenant"),
        (("",), "must not be empty"),
        (("x" * 256,), "must not be empty, nor longer than 255 bytes"),
        (("a\nb",), "must be UTF-8 text"),
        (("note", "--no-acl", "--required-acl", "x"), "do not go together"),
    ],
)
def test_what_cannot_be_published_is_a_mistake_of_usage(words, said, tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\n')
    done = wsevents("publish", *words, "--config", file)
    assert (done.status, said in done.err) == (2, True), done.err
