"""Listeners and the reload of their certificates; the network is in tests/integration."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock

from tests.support.certificates import write_pair
from wsevents.api.errors import ConfigurationError
from wsevents.connections.listeners import OpenListener, Ports, ReloadableListeners


class Listening:
    """A process that listens on one endpoint string."""

    def __init__(self, endpoint):
        self.reactor = MemoryReactorClock()
        self.listening = ReloadableListeners(self.reactor)
        self.listeners = [OpenListener(endpoint, Factory.forProtocol(Protocol), "listen[0]")]
        self.listening.listen(endpoint, self.listeners[0].factory)

    @property
    def wrapped(self):
        """The factory of new connections."""
        return self.reactor.tcpServers[0][1].wrapped


@pytest.fixture
def secure(tmp_path):
    key, crt = write_pair(tmp_path)
    return Listening(f"ssl:9502:interface=127.0.0.1:backlog=7:privateKey={key}:certKey={crt}")


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_is_logged_with_its_path(tmp_path, log):
    listener = OpenListener(f"unix:{tmp_path}/socket", Factory.forProtocol(Protocol), "listen[0]")
    ports = Ports(ReloadableListeners(reactor).listen)
    ports.open([listener])
    await ports.close()
    assert f"listening on unix:{tmp_path}/socket" in log.lines


def test_it_listens_where_the_endpoint_says(secure):
    ((port, _, budget, interface),) = secure.reactor.tcpServers
    assert (port, budget, interface) == (9502, 7, "127.0.0.1")


def test_a_reloaded_certificate_applies_after_the_commit(secure, tmp_path):
    before = secure.wrapped
    write_pair(tmp_path)
    commit = secure.listening.prepare(secure.listeners)
    assert secure.wrapped is before
    commit()
    assert secure.wrapped is not before
    assert secure.wrapped.wrappedFactory is secure.listeners[0].factory
    assert len(secure.reactor.tcpServers) == 1, "and nothing else listens"


@pytest.mark.parametrize("name", ["server.key", "server.crt"])
def test_an_unreadable_file_is_an_error_and_changes_nothing(secure, tmp_path, name):
    before = secure.wrapped
    (tmp_path / name).unlink()
    with pytest.raises(ConfigurationError, match=rf"^listen\[0\]: cannot read .*/{name}: No such"):
        secure.listening.prepare(secure.listeners)
    assert secure.wrapped is before


def test_a_listener_without_tls_keeps_its_factory():
    plain = Listening("tcp:9502")
    assert plain.wrapped is plain.listeners[0].factory
    plain.listening.prepare(plain.listeners)()
    assert plain.wrapped is plain.listeners[0].factory


def test_a_unix_socket_is_not_reloaded(tmp_path):
    local = Listening(f"unix:{tmp_path}/socket")
    assert local.reactor.unixServers[0][1] is local.listeners[0].factory
    local.listening.prepare(local.listeners)()
    assert not local.reactor.tcpServers
