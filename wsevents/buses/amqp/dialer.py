"""Where the brokers are, and how a connection to one comes about."""

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
    """Where a broker may be: the endpoint, and its text for the log."""

    text: str
    endpoint: IStreamClientEndpoint


def broker_addresses(texts: Sequence[str], reactor: Any) -> tuple[BrokerAddress, ...]:
    """Return the places that these endpoint strings mean; the settings have checked them."""
    return tuple(BrokerAddress(text, client_endpoint(reactor, text)) for text in texts)


@define(eq=False)
class Dialer:
    """Makes connections, and knows which are not quite gone yet."""

    broker_addresses: Sequence[BrokerAddress]
    login: AmqpLogin
    clock: Any
    now: Callable[[], float]
    _clients: set[AmqpClient] = field(init=False, factory=set)

    async def dial(self, address: BrokerAddress) -> AmqpClient:
        """Return a connection that the broker has let in. Raises BusError, in words for an operator."""
        factory = AmqpClientFactory(self.login, self.clock, self.now)
        try:
            client = cast("AmqpClient", await address.endpoint.connect(factory))
        except (CancelledError, ConnectingCancelledError):
            raise CancelledError from None
        except Exception as mistake:  # noqa: BLE001 what an endpoint raises depends on its kind
            raise BusError(f"{address.text}: {explain(mistake)}") from None
        self._clients.add(client)
        client.disconnected.wait().addCallback(lambda _: self._clients.discard(client))
        try:
            await client.open()
        except CancelledError:
            client.leave()
            raise
        except Exception as mistake:  # noqa: BLE001 nor is txamqp's Closed all that may come
            client.leave()
            raise BusError(f"{address.text}: {explain(client.why or mistake)}") from None
        return client

    def gone(self) -> Deferred[Any]:
        """Fire when no connection is left."""
        return DeferredList([client.disconnected.wait() for client in self._clients])
