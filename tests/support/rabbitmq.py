"""A private RabbitMQ node for tests: loopback only, with reserved ports and its own epmd.

The session-wide fixture `rabbitmq` is a running `Broker`. A test that stops or hurts it puts it right again.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from attrs import define, field
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.support.certificates import write_pair
from tests.support.ports import reserved_ports

SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # not Debian's wrappers, which require the user rabbitmq
ERL_CALL = "/usr/bin/erl_call"  # of erlang-base, which rabbitmq-server needs
TIMEOUT = 120

_CONFIG = """
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.cacertfile = {root}/tls/server.crt
ssl_options.certfile = {root}/tls/server.crt
ssl_options.keyfile = {root}/tls/server.key
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
loopback_users = none
log.console = false
log.file.level = info
"""

_ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none +hmax 0"

# What rabbitmqctl calls in the node for a command. Each rabbitmqctl starts another Erlang: a second of CPU.
# erl_call takes milliseconds.
_COMMANDS = {
    "add_user": "rabbit_auth_backend_internal:add_user({0}, {1}, By)",
    "add_vhost": "rabbit_vhost:add({0}, By)",
    "change_password": "rabbit_auth_backend_internal:change_password({0}, {1}, By)",
    "close_all_connections": (
        "rabbit_networking:close_connections(rabbit_networking:connections(), binary_to_list({0}))"
    ),
    "delete_exchange": 'rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, {0}), false, By)',
    "delete_queue": """
        {{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, {0})),
        rabbit_amqqueue:delete(Queue, false, false, By)
    """,
    "delete_user": "rabbit_auth_backend_internal:delete_user({0}, By)",
    "delete_vhost": "rabbit_vhost:delete({0}, By)",
    "set_permissions": "rabbit_auth_backend_internal:set_permissions({1}, {0}, {2}, {3}, {4}, By)",
    "set_vm_memory_high_watermark": "vm_memory_monitor:set_vm_memory_high_watermark(binary_to_float({0}))",
}
_LISTS = {
    "list_connections": "rabbit_networking:connection_info_all(Columns)",
    "list_consumers": 'rabbit_amqqueue:consumers_all(<<"/">>)',
    "list_queues": 'rabbit_amqqueue:info_all(<<"/">>, Columns)',
}
_PRINT = """
Columns = [{columns}],
Show = fun({{resource, _, _, Name}}) -> Name;
          (Value) when is_binary(Value) -> Value;
          (Value) -> io_lib:format("~tp", [Value]) end,
Line = fun(Values) -> io:format("~ts~n", [lists:join("\\t", Values)]) end,
Line([atom_to_list(Column) || Column <- Columns]),
[Line([Show(proplists:get_value(Column, Row)) || Column <- Columns]) || Row <- {rows}]
"""


def _binary(word):
    """Return a word as Erlang writes a binary."""
    escaped = str(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'<<"{escaped}"/utf8>>'


@define(eq=False)
class Broker:
    """A node: `boot`, `halt` and `kill` block, for fixtures; what tests call returns a Deferred.

    Attributes:
        root: directory for everything it writes.
        port, tls_port: where it listens. User guest, password guest, vhost /.
    """

    root: Path
    port: int = field(init=False)
    tls_port: int = field(init=False)
    _environment: dict = field(init=False, repr=False)
    _epmd: subprocess.Popen | None = field(init=False, default=None)
    _node: subprocess.Popen | None = field(init=False, default=None)

    def __attrs_post_init__(self):
        self.port, self.tls_port, distribution, epmd = reserved_ports(4)
        for name in ("home", "mnesia", "log", "tls", "trusted"):
            (self.root / name).mkdir()
        _, public = write_pair(self.root / "tls")
        shutil.copy(public, self.root / "trusted" / "server.pem")
        (self.root / "rabbitmq.conf").write_text(_CONFIG.format(**self._addresses()))
        (self.root / "plugins").write_text("[].\n")
        (self.root / "env").write_text("")
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.root / "home"),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"wsevents{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self.root / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.root / "log"),
            "RABBITMQ_PID_FILE": str(self.root / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.root / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.root / "env"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.root / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }

    def _addresses(self):
        return {"root": self.root, "port": self.port, "tls_port": self.tls_port}

    @property
    def endpoint(self):
        """Client endpoint string of the plain port."""
        return f"tcp:127.0.0.1:{self.port}"

    def tls_endpoint(self, trusted=None, host="localhost"):
        """Client endpoint string of the TLS port; `trusted` is a directory of certificates."""
        roots = trusted or self.root / "trusted"
        return f"tls:{host}:{self.tls_port}:trustRoots={roots}:endpoint=tcp\\:127.0.0.1\\:{self.tls_port}"

    # -- blocking, for fixtures ------------------------------------------------------------------

    def boot(self):
        """Start the node and wait until it accepts connections."""
        if self._epmd is None:
            port = self._environment["ERL_EPMD_PORT"]
            self._epmd = self._run("/usr/bin/epmd", "-port", port, "-address", "127.0.0.1")
        (self.root / "pid").unlink(missing_ok=True)
        self._node = self._run(SCRIPTS / "rabbitmq-server")
        deadline = time.monotonic() + TIMEOUT
        while not self._serves():
            assert self._node.poll() is None, (self.root / "log" / "console").read_text()
            assert time.monotonic() < deadline, "RabbitMQ does not serve"
            time.sleep(0.1)

    def _serves(self):
        """Say whether it has started all of it, its listeners last."""
        call = self._call('case rabbit_boot_state:get() of ready -> io:format("ready") end')
        return call.returncode == 0 and call.stdout.startswith("ready")

    def halt(self):
        """Stop the node with rabbitmqctl, if it runs."""
        if self._node is not None:
            self._node.terminate()
            self._reap()

    def kill(self):
        """Kill the node, like a power failure."""
        pid = int((self.root / "pid").read_text())
        os.kill(pid, signal.SIGKILL)  # Erlang itself; its start script exits then
        self._reap()

    def control(self, command, *words):
        """Do a command of rabbitmqctl in the node and return what it prints.

        Args:
            command: one of `_COMMANDS`, or one of `_LISTS`, which prints a line of names first.
            words: its arguments, a virtual host first if there is one; the columns of a list.
        """
        if command in _LISTS:
            return self._evaluate(_PRINT.format(columns=", ".join(words), rows=_LISTS[command]))
        return self._evaluate(_COMMANDS[command].format(*map(_binary, words)))

    def _evaluate(self, expression):
        """Evaluate an Erlang expression in the node and return what it prints."""
        call = self._call(expression)
        printed, end, _ = call.stdout.rpartition("{ok, done}")
        assert end, f"{expression}: {call.stdout}{call.stderr}"
        return printed

    def _call(self, expression):
        return subprocess.run(
            [ERL_CALL, "-sname", self._environment["RABBITMQ_NODENAME"], "-fetch_stdout", "-e"],
            input=f'By = <<"tests">>, {expression}, done.\n',
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def close(self):
        """Stop all processes."""
        try:
            self.halt()
        finally:
            if self._epmd is not None:
                self._epmd.terminate()
                self._epmd.wait(TIMEOUT)

    def _run(self, *command):
        with (self.root / "log" / "console").open("ab") as console:
            return subprocess.Popen(
                command,
                env=self._environment,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def _reap(self):
        node, self._node = self._node, None
        try:
            node.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait(TIMEOUT)
            raise

    # -- for tests -------------------------------------------------------------------------------

    def start(self):
        """Start the node; fires when it accepts connections."""
        return deferToThread(self.boot)

    def stop(self):
        """Stop the node with rabbitmqctl; fires when it has exited."""
        return deferToThread(self.halt)

    def crash(self):
        """Kill the node; fires when it has exited."""
        return deferToThread(self.kill)

    async def restart(self):
        """Restart the node."""
        await self.stop()
        await self.start()

    def ctl(self, *words):
        """Do a command, as `control` does; fires with what it prints."""
        return deferToThread(self.control, *words)

    async def shows(self, true, *words):
        """Do a command again and again until what it prints is as it must be; fires with that."""
        from twisted.internet import reactor  # importing it installs it

        while not true(printed := await self.ctl(*words)):
            await deferLater(reactor, 0.05)
        return printed

    def close_connections(self, why="closed by a test"):
        """Close every connection from the broker's side."""
        return self.ctl("close_all_connections", why)

    async def add_user(self, name, password, vhost="/", permissions=(".*", ".*", ".*")):
        """Add a user with these permissions (configure, write, read) on the virtual host."""
        await self.ctl("add_user", name, password)
        await self.ctl("set_permissions", vhost, name, *permissions)

    async def add_vhost(self, name):
        """Add a virtual host on which guest has all permissions."""
        await self.ctl("add_vhost", name)
        await self.ctl("set_permissions", name, "guest", ".*", ".*", ".*")


@pytest.fixture(scope="session")
def rabbitmq():
    """A running broker, for the whole session."""
    if not (SCRIPTS / "rabbitmq-server").exists() or shutil.which("epmd") is None:
        pytest.fail("these tests need RabbitMQ: apt-get install rabbitmq-server", pytrace=False)
    with tempfile.TemporaryDirectory(prefix="wsevents-rabbitmq-") as root:
        broker = Broker(Path(root))
        try:
            broker.boot()
            yield broker
        finally:
            broker.close()
