"""A telephony event gateway: events from RabbitMQ, filtered per person, over encrypted WebSockets.

Start with `docs/architecture.md`; the law of the house is that what decides cannot act,
and what acts decides nothing.
"""

__version__ = "0.1.0"
