"""The sources of the generic event format: requested bindings and accepted deliveries."""

import pytest

from wsevents.api.events import Binding, Delivery, Event, Exchange
from wsevents.api.settings import Bus, Config
from wsevents.core.wazo_events import OTHER_INSTALLATION, HeadersSource, TopicSource, generic_source

EXCHANGE = Exchange("events", "headers")


def delivery(**headers):
    return Delivery(b"{}", {"name": "e", "required_acl": None, **headers}, "events", "", 0.0)


@pytest.mark.parametrize(
    ("origin", "arguments"),
    [(None, ()), ("here", (("origin_uuid", "here"),)), ("", (("origin_uuid", ""),))],
)
def test_the_source_accepts_the_events_that_its_binding_requests(origin, arguments):
    source = HeadersSource(EXCHANGE, origin)
    assert source.bindings == (Binding("events", "", arguments),)
    for came in ("here", "there", ""):
        wanted = not arguments or arguments == (("origin_uuid", came),)
        decoded = source.decode(delivery(origin_uuid=came))
        assert isinstance(decoded, Event) if wanted else decoded is OTHER_INSTALLATION


@pytest.mark.parametrize(("kind", "made"), [("headers", HeadersSource), ("topic", TopicSource)])
def test_the_bus_section_selects_the_source(kind, made):
    config = Config(bus=Bus(exchange_name="events", exchange_type=kind), origin_uuid="here")
    assert generic_source(config) == made(Exchange("events", kind), "here")
