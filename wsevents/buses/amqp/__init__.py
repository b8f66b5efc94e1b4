"""The bus on RabbitMQ, based on txamqp's connections and channels."""

from wsevents.buses.amqp.bus import AmqpBus

__all__ = ["AmqpBus"]
