"""Broker addresses, and opening connections to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, DeferredList
from twisted.internet.error import ConnectingCancelledError

from wsevents.api.errors import BusError
from wsevents.buses.amqp.client import AmqpClient, AmqpClientFactory, AmqpLogin
from wsevents.buses.amqp.reasons import explain
from wsevents.endpoints.tls_client import client_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IStreamClientEndpoint


@frozen(eq=False)
class BrokerAddress:
    """Address of a broker: the endpoint, and its string for log lines."""

    text: str
    endpoint: IStreamClientEndpoint


def broker_addresses(texts: Sequence[str], reactor: Any) -> tuple[BrokerAddress, ...]:
    """Return the addresses of endpoint strings that the settings have checked."""
    return tuple(BrokerAddress(text, client_endpoint(reactor, text)) for text in texts)


@define(eq=False)
class Dialer:
    """Opens connections, and keeps track of those that are not closed yet."""

    broker_addresses: Sequence[BrokerAddress]
    login: AmqpLogin
    clock: Any
    now: Callable[[], float]
    _clients: set[AmqpClient] = field(init=False, factory=set)

    async def dial(self, address: BrokerAddress) -> AmqpClient:
        """Connect and complete the handshake. Raises BusError with a text for operators."""
        factory = AmqpClientFactory(self.login, self.clock, self.now)
        try:
            client = cast("AmqpClient", await address.endpoint.connect(factory))
        except (CancelledError, ConnectingCancelledError):
            raise CancelledError from None
        except Exception as error:  # noqa: BLE001 the exception depends on the kind of endpoint
            raise BusError(f"{address.text}: {explain(error)}") from None
        self._clients.add(client)
        client.disconnected.wait().addCallback(lambda _: self._clients.discard(client))
        try:
            await client.open()
        except CancelledError:
            client.shutdown()
            raise
        except Exception as error:  # noqa: BLE001 txamqp raises more than Closed
            client.shutdown()
            raise BusError(f"{address.text}: {explain(client.why or error)}") from None
        return client

    def all_closed(self) -> Deferred[Any]:
        """Fire when every connection is closed."""
        return DeferredList([client.disconnected.wait() for client in self._clients])
