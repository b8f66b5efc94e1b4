"""The bus on RabbitMQ, with txamqp as the machinery of connections and channels."""

from wsevents.buses.amqp.bus import AmqpBus

__all__ = ["AmqpBus"]
