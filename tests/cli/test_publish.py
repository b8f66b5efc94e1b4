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
async def observing(rabbitmq):
    """A function that returns an observer of the exchange of a source."""
    from twisted.internet import reactor

    buses = []

    async def observe(source):
        bus, observer = AmqpBus.create(AmqpBus.settings(endpoint=rabbitmq.endpoint), reactor), Ear()
        bus.attach(observer, [source.exchange], source.bindings)
        bus.startService()
        buses.append(bus)
        await observer.ups(1)
        return observer

    yield observe
    for bus in buses:
        await bus.stopService()


async def published(observing, source, *words, **options):
    """Publish; return the event that the gateway decodes, and the finished command."""
    observer = await observing(source)
    done = await meanwhile("publish", *words, **options)
    assert done.status == 0, done.err
    await observer.heard(1)
    event = source.decode(observer.deliveries[0])
    assert isinstance(event, Event), event
    return event, done


@pytest.mark.parametrize("kind", ["headers", "topic"])
@ensureDeferred
async def test_the_gateway_reads_what_is_published(kind, observing, rabbitmq, tmp_path):
    source = SOURCES[kind]
    options_of_config = write(tmp_path, rabbitmq, source)
    words = ("call_created", '{"who": "é"}', "--tenant", "t1", "--user", "u1", "--user", "u2")
    event, done = await published(observing, source, *words, *options_of_config)
    assert (event.name, event.tenant, event.required) == ("call_created", "t1", "events.call_created")
    assert event.body.json["data"] == {"who": "é"}
    if kind == "headers":
        assert (event.users, event.everyone) == (("u1", "u2"), False)
    else:
        assert event.key == "call_created"
    assert json.loads(done.out.partition(": ")[2]) == event.body.json


@ensureDeferred
async def test_the_data_comes_from_standard_input_and_json_has_the_message(observing, rabbitmq, tmp_path):
    source = SOURCES["headers"]
    words = ("note", "-", "--tenant", "t1", "--required-acl", "events.notes", "--json")
    event, done = await published(
        observing, source, *words, *write(tmp_path, rabbitmq, source), stdin='{"text": "hello"}'
    )
    assert (event.required, event.everyone) == ("events.notes", True)
    assert done.json["body"] == event.body.json
    assert done.json["headers"] == event.headers
    assert (done.json["exchange"], done.json["routing_key"]) == ("publish-headers", "note")


@ensureDeferred
async def test_without_a_tenant_it_is_for_the_master_tenant_only(observing, rabbitmq, tmp_path):
    source = SOURCES["headers"]
    event, _ = await published(observing, source, "note", "--no-acl", *write(tmp_path, rabbitmq, source))
    assert (event.tenant, event.users, event.everyone, event.required) == (None, (), False, None)


@ensureDeferred
async def test_it_has_the_uuid_of_the_configured_installation(observing, rabbitmq, tmp_path):
    source = SOURCES["origin"]
    options_of_config = write(tmp_path, rabbitmq, source, "origin_uuid: o1")
    event, _ = await published(observing, source, "note", "--tenant", "t1", *options_of_config)
    assert event.headers["origin_uuid"] == "o1"


def test_an_exchange_that_does_not_exist_is_one_line(rabbitmq, tmp_path):
    source = HeadersSource(Exchange("publish-nowhere", "headers"))
    done = wsevents("publish", "note", "--tenant", "t1", *write(tmp_path, rabbitmq, source))
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert "create it, or correct bus.exchange_name" in line


def test_a_user_unknown_to_rabbitmq_is_one_line(rabbitmq, tmp_path):
    file = tmp_path / "config.yml"
    file.write_text(
        f'listen: ["tcp:0"]\nbus: {{endpoint: "{rabbitmq.endpoint}", username: x, password: s3cret}}\n'
    )
    done = wsevents("publish", "note", "--tenant", "t1", "--config", file)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "correct bus.username and bus.password" in line
    assert "s3cret" not in line


def test_an_unreachable_rabbitmq_is_one_line(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\nbus: {endpoint: "tcp:127.0.0.1:1"}\n')
    done = wsevents("publish", "note", "--tenant", "t1", "--config", file)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "connection refused (start the broker, or correct bus.endpoint)" in line


def test_it_cannot_publish_on_a_bus_within_the_gateway(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\nbus: {type: memory}\n')
    done = wsevents("publish", "note", "--tenant", "t1", "--config", file)
    assert (done.status, "the command cannot publish on it" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("note", "[]"), "must be a JSON object"),
        (("note", "{"), "must be a JSON object"),
        (("note", '{"a": NaN}'), "must be a JSON object"),
        (("note", '{"a": 1e999}'), "a number that is too large"),
        (("note", "--user", "u1"), "--user needs --tenant"),
        (("",), "must not be empty"),
        (("x" * 256,), "must not be empty or longer than 255 bytes"),
        (("a\nb",), "must be UTF-8 text"),
        (("note", "--no-acl", "--required-acl", "x"), "exclude each other"),
    ],
)
def test_an_invalid_event_is_a_usage_error(words, message, tmp_path):
    file = tmp_path / "config.yml"
    file.write_text('listen: ["tcp:0"]\n')
    done = wsevents("publish", *words, "--config", file)
    assert (done.status, message in done.err) == (2, True), done.err
