"""What is between a port and what it listens for, read again; the network is in integration."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock

from tests.support.certificates import write_pair
from wsevents.api.errors import ConfigurationError
from wsevents.connections.listeners import OpenListener, Ports, ReloadableListeners


class ListenEntry:
    """A process that listens by one endpoint string."""

    def __init__(self, endpoint):
        self.reactor = MemoryReactorClock()
        self.casings = ReloadableListeners(self.reactor)
        self.listeners = [OpenListener(endpoint, Factory.forProtocol(Protocol), "listen[0]")]
        self.casings.listen(endpoint, self.listeners[0].factory)

    @property
    def around(self):
        """What newcomers meet first."""
        return self.reactor.tcpServers[0][1].around


@pytest.fixture
def secure(tmp_path):
    key, crt = write_pair(tmp_path)
    return ListenEntry(f"ssl:9502:interface=127.0.0.1:backlog=7:privateKey={key}:certKey={crt}")


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_is_told_by_its_path(tmp_path, log):
    listener = OpenListener(f"unix:{tmp_path}/socket", Factory.forProtocol(Protocol), "listen[0]")
    ports = Ports(ReloadableListeners(reactor).listen)
    ports.open([listener])
    await ports.close()
    assert f"listening on unix:{tmp_path}/socket" in log.lines


def test_it_listens_where_the_endpoint_says(secure):
    ((port, _, budget, interface),) = secure.reactor.tcpServers
    assert (port, budget, interface) == (9502, 7, "127.0.0.1")


def test_what_is_read_again_is_in_force_when_it_is_put_there(secure, tmp_path):
    before = secure.around
    write_pair(tmp_path)
    commit = secure.casings.prepare(secure.listeners)
    assert secure.around is before
    commit()
    assert secure.around is not before
    assert secure.around.wrappedFactory is secure.listeners[0].factory
    assert len(secure.reactor.tcpServers) == 1, "and nothing else listens"


@pytest.mark.parametrize("name", ["server.key", "server.crt"])
def test_what_cannot_be_read_is_said_and_changes_nothing(secure, tmp_path, name):
    before = secure.around
    (tmp_path / name).unlink()
    with pytest.raises(ConfigurationError, match=rf"^listen\[0\]: cannot read .*/{name}: No such"):
        secure.casings.prepare(secure.listeners)
    assert secure.around is before


def test_what_has_nothing_around_it_stays_as_it_is():
    plain = ListenEntry("tcp:9502")
    assert plain.around is plain.listeners[0].factory
    plain.casings.prepare(plain.listeners)()
    assert plain.around is plain.listeners[0].factory


def test_a_port_of_another_kind_is_not_read_again(tmp_path):
    local = ListenEntry(f"unix:{tmp_path}/socket")
    assert local.reactor.unixServers[0][1] is local.listeners[0].factory
    local.casings.prepare(local.listeners)()
    assert not local.reactor.tcpServers
